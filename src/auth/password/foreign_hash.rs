//! Hashes of passwords that another service made: compared once, at the first sign-in, which makes our own.

use std::{num::NonZeroU32, str::FromStr};

use aws_lc_rs::{constant_time, pbkdf2};
use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use unicode_normalization::UnicodeNormalization;

use super::Password;

/// Base64 with padding or without, as these formats differ.
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, ANY_PADDING);

const ANY_PADDING: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

/// What a hash may take, so that nobody's sign-in keeps the threads from everybody's: a few seconds of one core,
/// and 256 MiB.
const MOST_BCRYPT_COST: u32 = 15;
const MOST_ITERATIONS: u32 = 10_000_000;
const MOST_MEMORY: u64 = 256 * 1024 * 1024;
const MOST_WORK: u64 = 1024 * 1024 * 1024;

/// How long keys and salts may be, in bytes.
const LONGEST: usize = 128;

/// What Better Auth hashes with (its `crypto/password`).
const BETTER_AUTH: (u8, u32, u32, usize) = (14, 16, 1, 64);

/// A hash that is not our own Argon2.
pub(in crate::auth) enum ForeignHash {
    Bcrypt(String),
    Scrypt {
        params: scrypt::Params,
        salt: Vec<u8>,
        key: Vec<u8>,
        /// Whether the password is in NFKC.
        is_compatible: bool,
    },
    Pbkdf2 {
        algorithm: pbkdf2::Algorithm,
        iterations: NonZeroU32,
        salt: Vec<u8>,
        key: Vec<u8>,
    },
}

impl ForeignHash {
    /// Reads a hash of one of the formats that are known; nothing where it takes more than it may.
    pub(in crate::auth) fn read(text: &str) -> Option<Self> {
        if ["$2a$", "$2b$", "$2y$"]
            .iter()
            .any(|mark| text.starts_with(mark))
        {
            return bcrypt(text);
        }
        if let Some(rest) = text.strip_prefix("$scrypt$") {
            return scrypt_phc(rest);
        }
        if let Some(rest) = text.strip_prefix("$pbkdf2") {
            return pbkdf2_phc(rest);
        }
        if let Some(rest) = text.strip_prefix("pbkdf2_") {
            return pbkdf2_django(rest);
        }
        better_auth(text)
    }

    /// Whether it is the password's.
    pub(in crate::auth) fn fits(&self, password: &Password) -> bool {
        match self {
            Self::Bcrypt(hash) => bcrypt::verify(password.as_bytes(), hash).unwrap_or(false),
            Self::Scrypt {
                params,
                salt,
                key,
                is_compatible,
            } => {
                let text = String::from_utf8_lossy(password.as_bytes());
                let compatible: String = text.nfkc().collect();
                let text = if *is_compatible { &compatible } else { &*text };
                let mut found = vec![0; key.len()];
                scrypt::scrypt(text.as_bytes(), salt, params, &mut found).is_ok()
                    && constant_time::verify_slices_are_equal(&found, key).is_ok()
            }
            Self::Pbkdf2 {
                algorithm,
                iterations,
                salt,
                key,
            } => pbkdf2::verify(*algorithm, *iterations, salt, password.as_bytes(), key).is_ok(),
        }
    }
}

fn bcrypt(text: &str) -> Option<ForeignHash> {
    let parts = bcrypt::HashParts::from_str(text).ok()?;
    (parts.get_cost() <= MOST_BCRYPT_COST).then(|| ForeignHash::Bcrypt(text.to_owned()))
}

/// `ln=14,r=8,p=1$salt$key`, as PHC strings have it.
fn scrypt_phc(rest: &str) -> Option<ForeignHash> {
    let [params, salt, key] = parts(rest)?;
    let (mut log_n, mut r, mut p) = (None, None, None);
    for param in params.split(',') {
        match param.split_once('=')? {
            ("ln", value) => log_n = value.parse().ok(),
            ("r", value) => r = value.parse().ok(),
            ("p", value) => p = value.parse().ok(),
            _ => return None,
        }
    }
    Some(ForeignHash::Scrypt {
        params: scrypt_params(log_n?, r?, p?)?,
        salt: BASE64.decode(salt).ok()?,
        key: bytes(key)?,
        is_compatible: false,
    })
}

/// The salt, as the hexadecimal digits that it is hashed as, `:`, and the key in hexadecimal digits.
fn better_auth(text: &str) -> Option<ForeignHash> {
    let (salt, key) = text.split_once(':')?;
    let (log_n, r, p, length) = BETTER_AUTH;
    let key = unhex(key)?;
    if unhex(salt)?.is_empty() || salt.len() > LONGEST || key.len() != length {
        return None;
    }
    Some(ForeignHash::Scrypt {
        params: scrypt_params(log_n, r, p)?,
        salt: salt.as_bytes().to_vec(),
        key,
        is_compatible: true,
    })
}

fn scrypt_params(log_n: u8, r: u32, p: u32) -> Option<scrypt::Params> {
    let memory = 1_u64.checked_shl(log_n.into())?.checked_mul(128)?;
    let memory = memory.checked_mul(r.into())?;
    let is_bearable = memory <= MOST_MEMORY && memory.checked_mul(p.into())? <= MOST_WORK;
    is_bearable.then(|| scrypt::Params::new(log_n, r, p).ok())?
}

/// `-sha256$i=600000,l=32$salt$key` or `-sha256$600000$salt$key`.
fn pbkdf2_phc(rest: &str) -> Option<ForeignHash> {
    let (digest, rest) = rest.split_once('$')?;
    let [params, salt, key] = parts(rest)?;
    let iterations = params.split(',').next()?;
    let iterations = iterations.strip_prefix("i=").unwrap_or(iterations);
    // Passlib writes a full stop where Base64 has a plus.
    let (salt, key) = (salt.replace('.', "+"), key.replace('.', "+"));
    let salt = BASE64.decode(salt).ok()?;
    pbkdf2_of(
        digest.strip_prefix('-').unwrap_or("sha1"),
        iterations,
        salt,
        &key,
    )
}

/// `sha256$600000$salt$key`, the salt as it is.
fn pbkdf2_django(rest: &str) -> Option<ForeignHash> {
    let (digest, rest) = rest.split_once('$')?;
    let [iterations, salt, key] = parts(rest)?;
    pbkdf2_of(digest, iterations, salt.as_bytes().to_vec(), key)
}

fn pbkdf2_of(digest: &str, iterations: &str, salt: Vec<u8>, key: &str) -> Option<ForeignHash> {
    let algorithm = match digest {
        "sha1" => pbkdf2::PBKDF2_HMAC_SHA1,
        "sha256" => pbkdf2::PBKDF2_HMAC_SHA256,
        "sha384" => pbkdf2::PBKDF2_HMAC_SHA384,
        "sha512" => pbkdf2::PBKDF2_HMAC_SHA512,
        _ => return None,
    };
    let iterations: NonZeroU32 = iterations.parse().ok()?;
    (iterations.get() <= MOST_ITERATIONS && salt.len() <= LONGEST).then_some(())?;
    Some(ForeignHash::Pbkdf2 {
        algorithm,
        iterations,
        salt,
        key: bytes(key)?,
    })
}

/// The three parts between dollars.
fn parts(text: &str) -> Option<[&str; 3]> {
    let parts: Vec<&str> = text.split('$').collect();
    parts.try_into().ok()
}

/// What a key is in Base64: neither nothing, which every password would fit, nor too long.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let bytes = BASE64.decode(text).ok()?;
    (16..=LONGEST).contains(&bytes.len()).then_some(bytes)
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let pairs = digits.as_bytes().chunks(2);
    let pairs = pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of "correct horse", as Better Auth, Python's bcrypt and hashlib, Passlib's and Django's formats have it.
    const HASHES: [&str; 8] = [
        "61cc26d75b161470fb901929f95492a5:b8d399388488ee14174eb3e0b0f74574aad602648e76ce829aaa1067be4a47dea8ab4b63873b2b27baf49bd684177f2f7470ec616cd02adb0587077e073e9981",
        "$2b$04$G4W/QsvLJqdm0f/94i3A2.9/5tu4HETjrocHIGEwetWPFrc1NiDNC",
        "$2a$04$g2H6UNt1EIR87Rc5T1vRruDMlzCxSwRLKpWGcIoDByke1Aq058uAW",
        "$scrypt$ln=14,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$JbN2hANm9NOw4h5BRHZnbjzQ6Jr0QwNWojTOC2WgIbU",
        "$pbkdf2-sha256$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$yRTMTwbMbo9G0VfjobWqerzuuxe7BETNTErBbKKumGQ",
        "$pbkdf2-sha512$1000$AAECAwQFBgcICQoLDA0ODw$Xpx07WjVx4vCIvrmBRj8uOoVVtGqJqtUv2J5bhizSQs7osCteF7W4A61dZDqSIqQjO.dxO6p5FT/Uy7QRBXSXA",
        "$pbkdf2$1000$AAECAwQFBgcICQoLDA0ODw$ndhWw3a4srcTtr4HQFTLiKRlVuA",
        "pbkdf2_sha256$1000$saltsaltsalt$F7o7+5VTVzFAO998X6s3AHrDsJVdMiIlgndIMe19NvY=",
    ];

    #[test]
    fn a_hash_that_another_service_made_fits_its_password_and_no_other() {
        for hash in HASHES {
            let read = ForeignHash::read(hash).unwrap_or_else(|| panic!("{hash}"));
            assert!(read.fits(&Password::typed("correct horse")), "{hash}");
            for other in ["Correct horse", "", "correct horse "] {
                assert!(!read.fits(&Password::typed(other)), "{hash}");
            }
        }
        // Better Auth folds what looks alike before it hashes.
        let ligature = "6a8905b9c5f4f0e5da8b405c4185fcf4:01b6829f5ee844f94fd4a91f8d45dbd676392802c9fda597a0ffd6e186438259648e001e8aa779e8846a7963d414b26b756f47dc5482539a310e3ee4dab27a4a";
        let read = ForeignHash::read(ligature).unwrap();
        assert!(read.fits(&Password::typed("\u{fb01}ne ho\u{308}rse")));
        assert!(read.fits(&Password::typed("fine h\u{f6}rse")));
    }

    #[test]
    fn what_is_no_hash_or_takes_too_much_is_none() {
        for text in [
            "",
            ":",
            "correct horse",
            "5f4dcc3b5aa765d61d8327deb882cf99",
            "00:00",
            &HASHES[0][1..],
            &HASHES[0][..100],
            &HASHES[1][..59],
            "$2b$16$G4W/QsvLJqdm0f/94i3A2.9/5tu4HETjrocHIGEwetWPFrc1NiDNC",
            "$2x$04$G4W/QsvLJqdm0f/94i3A2.9/5tu4HETjrocHIGEwetWPFrc1NiDNC",
            "$scrypt$ln=22,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$JbN2hANm9NOw4h5BRHZnbjzQ6Jr0QwNWojTOC2WgIbU",
            "$scrypt$ln=14,r=8,p=1000$AAECAwQFBgcICQoLDA0ODw$JbN2hANm9NOw4h5BRHZnbjzQ6Jr0QwNWojTOC2WgIbU",
            "$scrypt$ln=14,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$",
            "$scrypt$ln=255,r=8,p=1$AAEC$JbN2hANm9NOw4h5BRHZnbjzQ6Jr0QwNWojTOC2WgIbU",
            "$pbkdf2-sha256$i=10000001,l=32$AAECAwQFBgcICQoLDA0ODw$yRTMTwbMbo9G0VfjobWqerzuuxe7BETNTErBbKKumGQ",
            "$pbkdf2-sha256$i=0,l=32$AAECAwQFBgcICQoLDA0ODw$yRTMTwbMbo9G0VfjobWqerzuuxe7BETNTErBbKKumGQ",
            "$pbkdf2-md5$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$yRTMTwbMbo9G0VfjobWqerzuuxe7BETNTErBbKKumGQ",
            "pbkdf2_sha256$1000$salt$",
            "pbkdf2_sha256$1000$salt$AAEC",
        ] {
            assert!(ForeignHash::read(text).is_none(), "{text}");
        }
    }
}
