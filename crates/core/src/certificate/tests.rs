use super::*;

fn facts() -> CertificateFacts {
    CertificateFacts {
        thumbprint: "thumb".into(),
        subject: Name::parse("CN=app,O=Example").unwrap(),
        dns: vec!["app.example".into()],
        uris: vec!["https://app.example/id".into()],
        addresses: vec!["2001:db8::1".parse().unwrap()],
        emails: vec!["Ops@App.example".into()],
    }
}

fn by(change: impl FnOnce(&mut ClientSettings)) -> ClientSettings {
    let mut settings = ClientSettings { auth_method: AuthMethod::TlsClientAuth, ..ClientSettings::default() };
    change(&mut settings);
    settings
}

#[test]
fn rfc8705_2_1_2_the_one_registered_name() {
    type Set = fn(&mut ClientSettings, Box<str>);
    let table: [(Set, &[&str], &[&str]); 5] = [
        (
            |s, v| s.tls_client_auth_subject_dn = Some(v),
            &["CN=app,O=Example", "cn=APP, o=example"],
            &["CN=app", "O=Example,CN=app", "CN=app2,O=Example"],
        ),
        (
            |s, v| s.tls_client_auth_san_dns = Some(v),
            &["app.example", "APP.example"],
            &["example", "x.app.example", "https://app.example/id"],
        ),
        (
            |s, v| s.tls_client_auth_san_uri = Some(v),
            &["https://app.example/id"],
            &["https://app.example/", "https://APP.example/id", "app.example"],
        ),
        (
            |s, v| s.tls_client_auth_san_ip = Some(v),
            &["2001:db8::1", "2001:0DB8:0:0::1"],
            &["2001:db8::2", "192.0.2.1", "x"],
        ),
        (
            |s, v| s.tls_client_auth_san_email = Some(v),
            &["Ops@app.example"],
            &["ops@app.example", "Ops@example", "app.example"],
        ),
    ];
    for (set, yes, no) in table {
        for (text, expected) in
            yes.iter().map(|t| (t, Ok(()))).chain(no.iter().map(|t| (t, Err(CertificateFault::OtherSubject))))
        {
            let settings = by(|s| set(s, (*text).into()));
            assert_eq!(authenticate(&settings, &facts(), true, &[]), expected, "{text}");
        }
    }
}

#[test]
fn rfc8705_2_1_1_the_chain_must_lead_to_a_configured_authority() {
    let settings = by(|s| s.tls_client_auth_san_dns = Some("app.example".into()));
    assert_eq!(authenticate(&settings, &facts(), false, &[]), Err(CertificateFault::Untrusted));
}

#[test]
fn rfc8705_2_1_2_none_and_two_names_authenticate_nobody() {
    let fault = Err(CertificateFault::OtherSubject);
    assert_eq!(authenticate(&by(|_| ()), &facts(), true, &[]), fault);
    let two = by(|s| {
        s.tls_client_auth_san_dns = Some("app.example".into());
        s.tls_client_auth_subject_dn = Some("CN=app,O=Example".into());
    });
    assert_eq!(authenticate(&two, &facts(), true, &[]), fault);
    let nameless = CertificateFacts { thumbprint: "thumb".into(), ..CertificateFacts::default() };
    let empty = by(|s| s.tls_client_auth_subject_dn = Some("".into()));
    assert!(empty.defect().is_some(), "{nameless:?} would be everybody's");
}

#[test]
fn rfc8705_2_2_a_registered_certificate_whoever_signed_it() {
    let with = |method, thumbprints: &[&str]| ClientSettings {
        auth_method: method,
        tls_client_certificate_thumbprints: thumbprints.iter().map(|t| (*t).into()).collect(),
        ..ClientSettings::default()
    };
    let own = AuthMethod::SelfSignedTlsClientAuth;
    let published = ["thumb".into()];
    assert_eq!(authenticate(&with(own, &["thumb"]), &facts(), false, &[]), Ok(()));
    assert_eq!(authenticate(&with(own, &["other"]), &facts(), true, &published), Ok(()));
    assert_eq!(
        authenticate(&with(own, &["other"]), &facts(), true, &[]),
        Err(CertificateFault::NotRegistered)
    );
    let other = authenticate(&with(AuthMethod::None, &["thumb"]), &facts(), true, &published);
    assert_eq!(other, Err(CertificateFault::OtherMethod));
}

#[test]
fn what_cannot_be_compared_cannot_be_registered() {
    for bad in [
        Expected::Subject("app"),
        Expected::Subject(""),
        Expected::Dns("*.example"),
        Expected::Dns("a b"),
        Expected::Dns(""),
        Expected::Uri("app"),
        Expected::Address("1.2.3"),
        Expected::Email("ops"),
    ] {
        assert!(bad.defect().is_some(), "{bad:?}");
    }
}
