//! The boot: from the kernel's first process to a machine that waits for its host.

use std::ffi::CString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::mount::{mount, mount_bind, mount_move};
use rustix::net::{AddressFamily, SocketType, socket};
use rustix::process::setpriority_process;
use rustix::system::finit_module;

use crate::cgroup::Cgroups;
use crate::console::{self, BootFailure};
use crate::kernel_command_line::{self, Parameters};
use crate::mount_table::{self, How, Mount};
use crate::sys;

const MODULES: &str = "/modules";
/// What the kernel counts block devices in, whatever their own sectors are.
const SECTOR: u64 = 512;
const PORT_NAME: &str = "agent.0";
const DEVICE_DEADLINE: Duration = Duration::from_secs(10);
const SETTLE_DEADLINE: Duration = Duration::from_secs(3);
const CLOCK_SOURCES: &str = "/sys/devices/system/clocksource/clocksource0/available_clocksource";
/// The agent's turn comes soon, however many processes a command has made.
const PRIORITY: i32 = -20;
const PAUSE: Duration = Duration::from_millis(1);
/// Names that programs use for their own open files.
const DEV_LINKS: [(&str, &str); 4] = [
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
];

/// A machine that waits for its host
#[derive(Debug)]
pub struct Booted {
    /// The stream to the host
    pub port: File,
    /// Serial of the mounted root image
    pub root: Option<String>,
}

/// Boots the machine.
pub fn run() -> Result<Booted, BootFailure> {
    stage("kernel_mounts", mount_all(&mount_table::kernel()))?;
    let parameters = stage("command_line", read_parameters())?;
    stage("modules", load_modules(Path::new(MODULES)))?;
    stage("command_mounts", mount_all(&mount_table::commands()))?;
    stage("dev_links", link_dev())?;
    stage("loopback", bring_up_loopback())?;
    stage("oom_score", fs::write("/proc/self/oom_score_adj", "-1000"))?;
    stage("priority", setpriority_process(None, PRIORITY).map_err(Into::into))?;
    Cgroups::enable_controllers();
    let port = stage("port", wait_for(find_port))?;
    let port = stage("port", open_port(&port))?;
    stage("root_image", mount_root_image(&parameters))?;
    if parameters.settles {
        settle();
    }
    console::print("ready");
    Ok(Booted { port, root: parameters.root })
}

fn stage<T>(stage: &'static str, result: io::Result<T>) -> Result<T, BootFailure> {
    result.map_err(|error| BootFailure { stage, errno: error.raw_os_error(), message: error.to_string() })
}

/// Carries out mounts in order.
pub fn mount_all(mounts: &[Mount]) -> io::Result<()> {
    mounts.iter().try_for_each(mount_one)
}

fn mount_one(entry: &Mount) -> io::Result<()> {
    let target = entry.target.as_str();
    make_directory(target, 0o755)?;
    let mounted = match &entry.how {
        How::New { source, file_system, flags, options } => {
            let options = CString::new(options.as_str())?;
            mount(source.as_str(), target, file_system.as_str(), *flags, options.as_c_str())
        }
        How::Bind(source) => mount_bind(source.as_str(), target),
        How::Move(source) => mount_move(source.as_str(), target),
    };
    mounted.map_err(|errno| {
        let error = io::Error::from(errno);
        io::Error::new(error.kind(), format!("{target}: {error}"))
    })
}

/// Makes a directory unless it exists.
pub fn make_directory(path: &str, mode: u32) -> io::Result<()> {
    match DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

fn read_parameters() -> io::Result<Parameters> {
    Ok(kernel_command_line::parse(&fs::read_to_string("/proc/cmdline")?))
}

/// Loads the kernel modules of the initramfs, and gives their memory back.
fn load_modules(directory: &Path) -> io::Result<()> {
    for name in fs::read_to_string(directory.join("load-order"))?.split_whitespace() {
        let path = directory.join(name);
        match finit_module(File::open(&path)?, c"", 0) {
            Ok(()) | Err(Errno::EXIST) => fs::remove_file(&path)?,
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

fn link_dev() -> io::Result<()> {
    DEV_LINKS.iter().try_for_each(|(target, link)| symlink(target, link))
}

fn bring_up_loopback() -> io::Result<()> {
    let any = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    Ok(sys::bring_up(any, c"lo")?)
}

fn wait_for<T>(find: impl Fn() -> Option<T>) -> io::Result<T> {
    wait_until(Instant::now() + DEVICE_DEADLINE, find)
}

fn wait_until<T>(deadline: Instant, find: impl Fn() -> Option<T>) -> io::Result<T> {
    loop {
        match find() {
            Some(found) => return Ok(found),
            None if Instant::now() > deadline => return Err(Errno::NODEV.into()),
            None => sleep(PAUSE),
        }
    }
}

/// The device below `/dev` whose `attribute` in `class` has this value.
fn find_device(class: &str, attribute: &str, value: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(class).ok()?;
    let entry = entries.flatten().find(|entry| {
        fs::read_to_string(entry.path().join(attribute)).is_ok_and(|text| text.trim_end() == value)
    })?;
    Some(Path::new("/dev").join(entry.file_name()))
}

fn find_port() -> Option<PathBuf> {
    find_device("/sys/class/virtio-ports", "name", PORT_NAME)
}

/// Waits for the block device with this serial.
pub fn block_device(serial: &str) -> io::Result<String> {
    let path = wait_for(|| find_device("/sys/block", "serial", serial))?;
    Ok(path.to_string_lossy().into_owned())
}

/// Waits for the block device with this serial and makes sure that the driver knows its size: a restored machine can have another disk than the one it was booted with.
pub fn resized_block_device(serial: &str, size_bytes: u64) -> io::Result<String> {
    let path = block_device(serial)?;
    if block_size(&path)? == size_bytes {
        return Ok(path);
    }
    let name = Path::new(&path).file_name().unwrap_or_default();
    let device = fs::canonicalize(Path::new("/sys/block").join(name).join("device"))?;
    let id = device.file_name().unwrap_or_default().as_encoded_bytes();
    fs::write(device.join("driver/unbind"), id)?;
    fs::write("/sys/bus/virtio/drivers_probe", id)?;
    let path = block_device(serial)?;
    match block_size(&path)? {
        size if size == size_bytes => Ok(path),
        size => Err(io::Error::other(format!("the disk has {size} bytes, not {size_bytes}"))),
    }
}

fn block_size(path: &str) -> io::Result<u64> {
    let name = Path::new(path).file_name().unwrap_or_default();
    let sectors = fs::read_to_string(Path::new("/sys/block").join(name).join("size"))?;
    sectors.trim_end().parse::<u64>().map(|sectors| sectors * SECTOR).map_err(io::Error::other)
}

fn open_port(path: &Path) -> io::Result<File> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)
}

/// Waits until the kernel has chosen its clock, about a second after its start: every copy of this machine would have to.
fn settle() {
    let has_clock = || {
        let known = fs::read_to_string(CLOCK_SOURCES).ok()?;
        known.split_whitespace().any(|name| name == "tsc").then_some(())
    };
    // A host without a steady counter has no such clock, and nothing to wait for.
    let _ = wait_until(Instant::now() + SETTLE_DEADLINE, has_clock);
}

fn mount_root_image(parameters: &Parameters) -> io::Result<()> {
    let Some(serial) = &parameters.root else { return Ok(()) };
    let device = block_device(serial)?;
    mount_all(&[mount_table::root_image(&device, &parameters.root_file_system)])
}
