//! What an ELF file's header says: for which machine, and whether it needs a dynamic linker, which an image of one
//! file does not have.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context, Result};

use crate::failure::Failure;

/// A platform that Fargate runs, in the image's words and in ELF's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Platform {
    /// Go's name, as image configurations have it.
    pub architecture: &'static str,
    /// `e_machine`
    machine: u16,
    /// Rust's target without the `-musl` or `-gnu` at its end.
    pub target: &'static str,
}

const PLATFORMS: &[Platform] = &[
    Platform { architecture: "amd64", machine: 62, target: "x86_64-unknown-linux" },
    Platform { architecture: "arm64", machine: 183, target: "aarch64-unknown-linux" },
];

/// `PT_INTERP`: the program header that names the dynamic linker.
const INTERPRETER: u32 = 3;

const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;

impl Platform {
    /// Finds the platform of `linux/amd64` or `linux/arm64`; any other is an error.
    pub(super) fn find(platform: &str) -> Result<Self, Failure> {
        PLATFORMS
            .iter()
            .find(|known| platform.strip_prefix("linux/") == Some(known.architecture))
            .copied()
            .ok_or_else(|| {
                Failure::input(format!("package an executable: no image can be made for platform '{platform}'"))
                    .hint("set the task definition's runtimePlatform to LINUX with X86_64 or ARM64, or build with Docker")
            })
    }
}

/// Fails unless the program is a static executable for the platform.
pub(super) fn check(program: &[u8], path: &Path, platform: Platform) -> Result<()> {
    let path = path.display();
    let refuse = |what: &str| {
        let build = format!(
            "build it static: `rustup target add {0}-musl && cargo build --release --target {0}-musl`, or \
             `RUSTFLAGS='-C target-feature=+crt-static' cargo build --release --target {0}-gnu`",
            platform.target
        );
        Err(Failure::input(format!("package {path}: {what}")).hint(build).into())
    };
    if program.len() < HEADER || !program.starts_with(b"\x7fELF") {
        return refuse("it is not a Linux executable (ELF)");
    }
    const SIXTY_FOUR_BITS: u8 = 2;
    const LITTLE_ENDIAN: u8 = 1;
    let machine = u16_at(program, 18);
    if program[4] != SIXTY_FOUR_BITS || program[5] != LITTLE_ENDIAN || machine != platform.machine {
        let made_for =
            PLATFORMS.iter().find(|known| known.machine == machine && program[4] == SIXTY_FOUR_BITS);
        let made_for = made_for.map_or("another machine", |known| known.architecture);
        let wanted = platform.architecture;
        return refuse(&format!("it is made for {made_for}, and the task definition wants {wanted}"));
    }
    const EXECUTABLE: u16 = 2;
    const POSITION_INDEPENDENT: u16 = 3;
    if ![EXECUTABLE, POSITION_INDEPENDENT].contains(&u16_at(program, 16)) {
        return refuse("it is an object file, not an executable");
    }
    if has_interpreter(program).with_context(|| format!("read the program headers of {path}"))? {
        return refuse("it is linked dynamically, and the image would have no C library to load");
    }
    Ok(())
}

fn has_interpreter(program: &[u8]) -> std::io::Result<bool> {
    let mut offset = [0; 8];
    offset.copy_from_slice(&program[32..40]);
    let (size, count) = (usize::from(u16_at(program, 54)), usize::from(u16_at(program, 56)));
    for index in 0..count {
        let at =
            usize::try_from(u64::from_le_bytes(offset)).unwrap_or(usize::MAX).saturating_add(index * size);
        let mut header = [0; PROGRAM_HEADER];
        program.get(at..).unwrap_or_default().read_exact(&mut header)?;
        if header.starts_with(&INTERPRETER.to_le_bytes()) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The smallest file that passes: a header, one PT_LOAD, and `payload`.
    pub(crate) fn tiny_static(machine: u16, payload: &[u8]) -> Vec<u8> {
        let mut elf = vec![0; HEADER + PROGRAM_HEADER];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        elf[16..18].copy_from_slice(&2_u16.to_le_bytes());
        elf[18..20].copy_from_slice(&machine.to_le_bytes());
        elf[32..40].copy_from_slice(&(HEADER as u64).to_le_bytes());
        elf[54..56].copy_from_slice(&(PROGRAM_HEADER as u16).to_le_bytes());
        elf[56..58].copy_from_slice(&1_u16.to_le_bytes());
        elf[HEADER..HEADER + 4].copy_from_slice(&1_u32.to_le_bytes());
        elf.extend_from_slice(payload);
        elf
    }

    fn checked(bytes: &[u8], platform: &str) -> Result<(), Failure> {
        check(bytes, Path::new("target/app"), Platform::find(platform)?)
            .map_err(|error| Failure::from_error(&error))
    }

    #[test]
    fn static_executables_pass() {
        assert_eq!(checked(&tiny_static(62, b""), "linux/amd64"), Ok(()));
        assert_eq!(checked(&tiny_static(183, b""), "linux/arm64"), Ok(()));
    }

    #[test]
    fn everything_else_is_refused_with_the_way_to_build_it() {
        let patched = |at: usize, byte: u8| {
            let mut elf = tiny_static(62, b"");
            elf[at] = byte;
            elf
        };
        for (bytes, message) in [
            (b"#!/bin/sh\nexit 0\n".to_vec(), "not a Linux executable"),
            (vec![], "not a Linux executable"),
            (tiny_static(183, b""), "made for arm64, and the task definition wants amd64"),
            (tiny_static(3, b""), "made for another machine"),
            (patched(4, 1), "made for another machine"),
            (patched(16, 1), "an object file"),
            (patched(HEADER, 3), "linked dynamically"),
        ] {
            let failure = checked(&bytes, "linux/amd64").unwrap_err();
            assert!(failure.message.contains(message), "{message}: {failure}");
            assert!(failure.hint.unwrap().contains("crt-static"));
        }
        let cut = &tiny_static(62, b"")[..HEADER + 10];
        assert!(checked(cut, "linux/amd64").unwrap_err().message.contains("read the program headers"));
        assert!(checked(&tiny_static(62, b""), "windows/amd64").is_err());
        assert!(checked(&tiny_static(62, b""), "linux/s390x").is_err());
    }

    #[test]
    fn a_dynamic_program_of_this_machine_is_refused() {
        let bytes = std::fs::read("/bin/true").unwrap();
        let platform = if cfg!(target_arch = "aarch64") { "linux/arm64" } else { "linux/amd64" };
        assert!(checked(&bytes, platform).unwrap_err().message.contains("linked dynamically"));
    }
}
