//! A certificate for localhost, of an authority of its own, in PEM.

/// A certificate with its key, and that of its authority.
pub(crate) struct Certificate {
    pub(crate) authority: String,
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Certificate {
    pub(crate) fn for_localhost() -> Self {
        let mut authority =
            rcgen::CertificateParams::new(Vec::new()).expect("parameters without names are valid");
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority_key = rcgen::KeyPair::generate().expect("a key");
        let authority_pem = authority.self_signed(&authority_key).expect("signed").pem();
        let issuer = rcgen::Issuer::new(authority, authority_key);
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()])
            .and_then(|params| params.signed_by(&key, &issuer))
            .expect("a certificate for localhost");
        Self {
            authority: authority_pem,
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}
