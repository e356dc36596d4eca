//! What the kernel command line tells the agent.

/// The agent's parameters
#[derive(Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Serial of the block device with the root image
    pub root: Option<String>,
    /// Whether the machine is to be kept as it is when it is ready, so that it has to come to rest first
    pub settles: bool,
    /// File system of the root image
    pub root_file_system: String,
}

/// Reads the parameters off `/proc/cmdline`; of a repeated one the last counts.
pub fn parse(line: &str) -> Parameters {
    let value = |name: &str| {
        line.split_whitespace().filter_map(|word| word.strip_prefix(name)?.strip_prefix('=')).next_back()
    };
    Parameters {
        root: value("pyro.root").filter(|root| !root.is_empty()).map(str::to_string),
        settles: value("pyro.settle") == Some("1"),
        root_file_system: value("pyro.rootfstype").unwrap_or("squashfs").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_root_is_optional() {
        let parameters = parse("console=ttyS0 quiet\n");
        assert_eq!(parameters.root, None);
        assert_eq!(parameters.root_file_system, "squashfs");
        assert_eq!(parse("pyro.root=").root, None);
        assert!(!parameters.settles);
        assert!(parse("pyro.settle=1").settles);
        assert_eq!(parse("notpyro.root=a pyro.rootfstype=b pyro.rootx=c").root, None);
    }

    #[test]
    fn the_last_value_counts() {
        let parameters = parse("pyro.root=a pyro.rootfstype=erofs pyro.root=b=c\n");
        assert_eq!(parameters.root.as_deref(), Some("b=c"));
        assert_eq!(parameters.root_file_system, "erofs");
    }
}
