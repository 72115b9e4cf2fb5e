//! Argon2id hashing, which reuses its memory from one hash to the next.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{
        self,
        phc::{Output, ParamsString, PasswordHash, Salt},
    },
};

use crate::{
    error::{Error, Result},
    identity::credentials::password::{
        Password,
        imported_hash::{ImportedHash, is_own},
    },
};

const ALGORITHM: Algorithm = Algorithm::Argon2id;

const VERSION: Version = Version::V0x13;

/// The length of a hash, in bytes.
const HASH_BYTES: usize = 32;

/// The cost of hashing a password, and the priority of the threads that do.
#[derive(Clone)]
pub struct HashCost {
    params: Params,
    pub(super) idle_priority: bool,
}

impl HashCost {
    /// Returns 19 MiB, two passes and one lane: the minimum of the OWASP Password Storage Cheat
    /// Sheet.
    pub fn production() -> Self {
        Self {
            params: Params::new(19 * 1024, 2, 1, Some(HASH_BYTES)).expect("in range"),
            idle_priority: true,
        }
    }

    /// Returns the lowest cost that Argon2 allows, for tests that are not about hashing. Hashes of
    /// this cost do not protect passwords: a test fails if production code names this function.
    pub fn insecure_for_tests() -> Self {
        Self {
            params: Params::new(Params::MIN_M_COST, 1, 1, Some(HASH_BYTES)).expect("in range"),
            idle_priority: false,
        }
    }
}

/// The memory of an earlier hash, for the next one. Allocating it each time would cost about half as
/// much as hashing. Threads that hash at once rarely return theirs at once, so one is stored, and
/// the others are freed after a burst.
#[derive(Clone, Default)]
pub(super) struct Memory(Arc<Mutex<Option<Vec<Block>>>>);

impl Memory {
    /// Frees the memory.
    pub(super) fn free(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<Block>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hashes passwords with these parameters.
pub(in crate::identity) struct Argon2Hasher {
    params: Params,
    memory: Memory,
}

/// The state of a stored hash that matches the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) enum Match {
    Current,
    /// The hash has outdated parameters, or was imported from another service.
    NeedsRehash,
}

impl Argon2Hasher {
    pub(in crate::identity) fn new(cost: &HashCost) -> Self {
        Self::with_memory(cost, Memory::default())
    }

    /// Creates a hasher that shares its memory with others.
    pub(super) fn with_memory(cost: &HashCost, memory: Memory) -> Self {
        Self {
            params: cost.params.clone(),
            memory,
        }
    }

    /// Returns a hash of no known password, for a user who does not exist. Verifying it takes as
    /// long as verifying any other.
    pub(super) fn dummy_hash(&self) -> Result<String> {
        let mut output = [0; HASH_BYTES];
        aws_lc_rs::rand::fill(&mut output).map_err(Error::internal)?;
        let output = Output::new(&output).map_err(Error::internal)?;
        let hash = self
            .phc(Salt::generate(), output)
            .map_err(Error::internal)?;
        Ok(hash.to_string())
    }

    /// Hashes a password. Returns a PHC string.
    pub(in crate::identity) fn hash(&mut self, password: &Password) -> Result<String> {
        let hash = self.make(password).map_err(Error::internal)?;
        Ok(hash.to_string())
    }

    /// Verifies a password against a hash. Returns nothing if it does not match.
    ///
    /// # Errors
    /// If the hash has no supported format.
    pub(in crate::identity) fn verify(
        &mut self,
        password: &Password,
        hash: &str,
    ) -> Result<Option<Match>> {
        if is_own(hash) {
            let found = self.find(password.as_bytes(), hash);
            return found.map_err(Error::internal);
        }
        let imported = ImportedHash::parse(hash).map_err(Error::internal)?;
        for form in password.forms() {
            let matches = match &imported {
                ImportedHash::Argon2(hash) => {
                    let found = self.find(form.as_bytes(), hash);
                    found.map_err(Error::internal)?.is_some()
                }
                imported => imported.verify(&form),
            };
            if matches {
                return Ok(Some(Match::NeedsRehash));
            }
        }
        Ok(None)
    }

    fn make(&mut self, password: &Password) -> password_hash::Result<PasswordHash> {
        let salt = Salt::generate();
        let argon2 = Argon2::new(ALGORITHM, VERSION, self.params.clone());
        let output = self.run(&argon2, password.as_bytes(), &salt, HASH_BYTES)?;
        self.phc(salt, output)
    }

    fn phc(&self, salt: Salt, output: Output) -> password_hash::Result<PasswordHash> {
        Ok(PasswordHash {
            algorithm: ALGORITHM.ident(),
            version: Some(VERSION.into()),
            params: ParamsString::try_from(&self.params)?,
            hash: Some(output),
            salt: Some(salt),
        })
    }

    fn find(&mut self, password: &[u8], hash: &str) -> password_hash::Result<Option<Match>> {
        let stored = PasswordHash::new(hash)?;
        let algorithm = Algorithm::new(stored.algorithm.as_str())?;
        let version = stored.version.map_or(Ok(VERSION), Version::try_from)?;
        let params = Params::try_from(&stored)?;
        let salt = stored.salt.ok_or(password_hash::Error::SaltInvalid)?;
        let expected = stored.hash.ok_or(password_hash::Error::OutputSize)?;

        let is_current = (algorithm, version) == (ALGORITHM, VERSION) && params == self.params;
        let argon2 = Argon2::new(algorithm, version, params);
        let found = self.run(&argon2, password, &salt, expected.len())?;
        // `Output` compares in constant time.
        Ok((found == expected).then_some(if is_current {
            Match::Current
        } else {
            Match::NeedsRehash
        }))
    }

    fn run(
        &mut self,
        argon2: &Argon2<'_>,
        password: &[u8],
        salt: &Salt,
        length: usize,
    ) -> password_hash::Result<Output> {
        let blocks = argon2.params().block_count();
        let ours = self.params.block_count();
        let mut memory = self.memory.lock().take().unwrap_or_default();
        // A hash with other parameters may need more memory. The excess is released below.
        memory.resize(blocks.max(ours), Block::new());
        let mut output = [0; Output::MAX_LENGTH];
        let output = &mut output[..length];
        let done = argon2.hash_password_into_with_memory(password, salt, output, &mut memory);
        memory.truncate(ours);
        memory.shrink_to_fit();
        let excess = self.memory.lock().replace(memory);
        if excess.is_some() {
            drop(excess);
            allocator::return_free_memory();
        }
        done?;
        Ok(Output::new(output)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn production() -> Argon2Hasher {
        Argon2Hasher::new(&HashCost::production())
    }

    fn typed(text: &str) -> Password {
        Password::from_input(text)
    }

    /// Returns a hasher with these parameters.
    fn with(memory_kib: u32, passes: u32, lanes: u32) -> Argon2Hasher {
        Argon2Hasher {
            params: Params::new(memory_kib, passes, lanes, Some(HASH_BYTES)).unwrap(),
            memory: Memory::default(),
        }
    }

    #[test]
    fn hash_is_argon2id_with_19_mib_two_passes_and_one_lane() {
        let hash = production().hash(&typed("correct horse")).unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
    }

    #[test]
    fn hash_matches_only_its_password_with_reused_memory() {
        let mut hashing = production();
        let first = hashing.hash(&typed("correct horse")).unwrap();
        let second = hashing.hash(&typed("correct horse")).unwrap();
        assert_ne!(first, second);
        for hash in [&first, &second] {
            let mut compare = |text| hashing.verify(&typed(text), hash).unwrap();
            assert_eq!(compare("correct horse"), Some(Match::Current));
            assert_eq!(compare("battery staple"), None);
        }
        let fresh = production().verify(&typed("correct horse"), &second);
        assert_eq!(fresh.unwrap(), Some(Match::Current));
    }

    #[test]
    fn hash_with_other_parameters_matches_and_needs_rehash() {
        let mut hashing = production();
        for mut other in [with(32, 1, 2), with(20 * 1024, 2, 1), with(19 * 1024, 3, 1)] {
            let hash = other.hash(&typed("correct horse")).unwrap();
            let mut compare = |text| hashing.verify(&typed(text), &hash).unwrap();
            assert_eq!(compare("correct horse"), Some(Match::NeedsRehash), "{hash}");
            assert_eq!(compare("battery staple"), None, "{hash}");
        }
        let memory = hashing.memory.lock().take().unwrap();
        assert_eq!(memory.len(), hashing.params.block_count());
    }

    #[test]
    fn dummy_hash_has_the_current_parameters_and_matches_nothing() {
        let mut hashing = production();
        let hash = hashing.dummy_hash().unwrap();
        assert_ne!(hash, hashing.dummy_hash().unwrap());
        let real = hashing.hash(&typed("correct horse")).unwrap();
        assert_eq!(hash.len(), real.len());
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert_eq!(hashing.verify(&typed(""), &hash).unwrap(), None);
    }

    #[test]
    fn reference_implementation_hashes_verify() {
        // From the reference implementation's command: `echo -n password | argon2 somesalt …`.
        for hash in [
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
        ] {
            let found = production().verify(&typed("password"), hash);
            assert_eq!(found.unwrap(), Some(Match::NeedsRehash), "{hash}");
        }
    }

    #[test]
    fn invalid_hash_is_an_error() {
        for hash in [
            "",
            "secret",
            "$argon2id$v=19$m=19456,t=2,p=1",
            "$2b$10$abcdefghijklmnop",
        ] {
            assert!(
                production().verify(&typed("secret"), hash).is_err(),
                "{hash}"
            );
        }
    }
}
