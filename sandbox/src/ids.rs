//! Identifiers that look like AWS's own, from one seed.

use std::sync::{Mutex, PoisonError};

/// Makes a seed for what belongs to one thing: FNV-1a over its name.
pub(crate) fn mixed(seed: u64, name: &str) -> u64 {
    let offset = 0xCBF2_9CE4_8422_2325 ^ seed;
    name.bytes().fold(offset, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

/// SplitMix64: enough for identifiers and fault schedules that a seed repeats, not for secrets.
#[derive(Debug)]
pub struct Ids(Mutex<u64>);

impl Ids {
    pub fn seeded(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    pub fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Returns a number in `0.0..1.0`.
    pub fn fraction(&self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns `digits` lower-case hexadecimal digits.
    pub fn hex(&self, digits: usize) -> String {
        let mut text = String::new();
        while text.len() < digits {
            text.push_str(&format!("{:016x}", self.next()));
        }
        text.truncate(digits);
        text
    }

    pub fn uuid(&self) -> String {
        let h = self.hex(32);
        format!("{}-{}-{}-{}-{}", &h[..8], &h[8..12], &h[12..16], &h[16..20], &h[20..])
    }
}
