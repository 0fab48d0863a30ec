//! A certificate for this computer, by an authority that nobody else knows.

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd,
};

pub(crate) struct Issued {
    /// The authority's own certificate, in PEM.
    pub(crate) authority: String,
    pub(crate) certificate: Certificate,
    pub(crate) key: KeyPair,
}

/// Makes an authority, and lets it issue one.
pub(crate) fn issue() -> Issued {
    issue_for(&["localhost", "relay.invalid"], |_| {})
}

/// One that expires when this year begins.
pub(crate) fn issue_until(year: i32) -> Issued {
    issue_for(&["localhost", "relay.invalid"], |params| {
        params.not_after = date_time_ymd(year, 1, 1);
    })
}

/// The same for these names, and with these changes.
pub(crate) fn issue_for(names: &[&str], changes: impl FnOnce(&mut CertificateParams)) -> Issued {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    changes(&mut params);
    let certificate = params.signed_by(&key, &authority).unwrap();
    Issued { authority: authority.pem(), certificate, key }
}
