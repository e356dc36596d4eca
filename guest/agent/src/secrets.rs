//! The `secrets` method: files in memory that no disk ever has.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::agent::Agent;
use crate::boot::mount_all;
use crate::failure::Failure;
use crate::messages::{Empty, Mode};
use crate::mount_table::{self, SECRETS};

const MAX_NAME: usize = 64;
const MAX_SECRETS: usize = 64;

/// Values that commands may read, once per machine
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretsRequest {
    /// Directory that is made for them; a guest has one place
    pub directory: String,
    /// The secrets, at most 64
    pub secrets: Vec<Secret>,
}

/// One value under its name
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// Letters, digits and underscores
    pub name: String,
    /// The value in base64
    pub value: String,
}

/// Writes the files; refused where that was done before.
pub fn keep(agent: &Agent, request: &SecretsRequest) -> Result<Empty, Failure> {
    agent.require_setup()?;
    let files = checked(&request.secrets)?;
    let directory = Path::new(&request.directory);
    if !directory.is_absolute() || (agent.mode == Mode::Guest && request.directory != SECRETS) {
        return Err(Failure::bad_request("directory is not where secrets are kept"));
    }
    if directory.exists() {
        return Err(Failure::wrong_state("the machine has its secrets already"));
    }
    let failed = |error: io::Error| Failure::internal("secrets", &error);
    if agent.mode == Mode::Guest {
        mount_all(&[mount_table::secrets()]).map_err(failed)?;
    } else {
        make_private(directory).map_err(failed)?;
    }
    files.iter().try_for_each(|(name, value)| write(&directory.join(name), value)).map_err(failed)?;
    Ok(Empty {})
}

/// Nothing of a value is in what is said of it.
fn checked(secrets: &[Secret]) -> Result<Vec<(&str, Vec<u8>)>, Failure> {
    if secrets.len() > MAX_SECRETS {
        return Err(Failure::bad_request(format!("there are more than {MAX_SECRETS} secrets")));
    }
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    secrets
        .iter()
        .map(|secret| {
            let name = secret.name.as_str();
            if !(1..=MAX_NAME).contains(&name.len()) || !name.bytes().all(is_part) {
                return Err(Failure::bad_request("a secret's name is no name"));
            }
            match STANDARD.decode(&secret.value) {
                Ok(value) => Ok((name, value)),
                Err(_) => Err(Failure::bad_request("a secret's value is not base64")),
            }
        })
        .collect()
}

/// A cage has no file systems to mount; its whole root is memory.
fn make_private(directory: &Path) -> io::Result<()> {
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent)?;
    }
    DirBuilder::new().mode(0o700).create(directory)
}

fn write(path: &Path, value: &[u8]) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o400).open(path)?.write_all(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(name: &str, value: &str) -> Secret {
        Secret { name: name.to_string(), value: value.to_string() }
    }

    #[test]
    fn names_and_values_are_checked_and_never_quoted() {
        let good = [secret("A_1", "AAE=")];
        assert_eq!(checked(&good).unwrap(), [("A_1", vec![0, 1])]);
        for bad in [secret("", ""), secret("../x", ""), secret(&"n".repeat(65), ""), secret("A", "private!")]
        {
            let failure = checked(&[bad]).unwrap_err();
            assert_eq!(failure.code, "bad_request");
            assert!(!failure.message.contains("private"));
        }
        let many: Vec<Secret> = (0..=MAX_SECRETS).map(|_| secret("A", "")).collect();
        assert!(checked(&many).is_err());
    }

    #[test]
    fn files_are_for_their_owner_to_read() {
        use std::os::unix::fs::PermissionsExt;
        let parent = std::env::temp_dir().join(format!("pyro-secrets-{}", std::process::id()));
        let directory = parent.join("deep");
        make_private(&directory).unwrap();
        write(&directory.join("A"), b"value").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&directory), mode(&directory.join("A"))), (0o700, 0o400));
        assert!(write(&directory.join("A"), b"other").is_err());
        fs::remove_dir_all(parent).unwrap();
    }
}
