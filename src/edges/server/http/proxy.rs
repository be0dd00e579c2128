//! Who really asks, behind proxies that the operator named.
//!
//! A forwarding header is what its sender says. It counts only when the peer is a configured proxy, and then
//! from the right: each proxy adds the address that it saw, so the right-most one that is no proxy of ours is
//! the last that one of ours vouches for. What stands left of it came from the client.

use http::HeaderMap;
use ipnetwork::IpNetwork;
use std::net::IpAddr;

/// The client as `aws:SourceIp` and `aws:SecureTransport` see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its address; IPv4 within IPv6 stands as IPv4.
    pub ip: IpAddr,
    /// It spoke HTTPS, with us or with our proxy.
    pub secure: bool,
}

/// A forwarding header of a configured proxy that cannot be read: the request is refused with 400, since
/// guessing an address could allow what a policy denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the header {0} of the proxy is malformed")]
pub struct Malformed(pub &'static str);

const FOR: &str = "x-forwarded-for";
const PROTO: &str = "x-forwarded-proto";

/// The source of a request from this peer, which our own listener received over TLS or not.
///
/// # Errors
/// A proxy's `X-Forwarded-For` with anything but IP addresses, or its `X-Forwarded-Proto` with anything but one
/// `http` or `https`.
pub fn source_ip(
    peer: IpAddr,
    tls: bool,
    headers: &HeaderMap,
    trusted_proxies: &[IpNetwork],
) -> Result<Source, Malformed> {
    let peer = peer.to_canonical();
    let trusted = |ip: IpAddr| trusted_proxies.iter().any(|network| network.contains(ip));
    if !trusted(peer) {
        return Ok(Source { ip: peer, secure: tls });
    }
    let mut source = peer;
    let mut passed = true;
    for line in headers.get_all(FOR).iter().rev() {
        let text = line.to_str().map_err(|_| Malformed(FOR))?;
        for entry in text.rsplit(',') {
            let ip: IpAddr = entry.trim_matches([' ', '\t']).parse().map_err(|_| Malformed(FOR))?;
            if passed {
                source = ip.to_canonical();
                passed = trusted(source);
            }
        }
    }
    let mut protos = headers.get_all(PROTO).iter();
    let secure = match (protos.next(), protos.next()) {
        (None, _) => tls,
        (Some(proto), None) if proto.as_bytes().eq_ignore_ascii_case(b"https") => true,
        (Some(proto), None) if proto.as_bytes().eq_ignore_ascii_case(b"http") => false,
        _ => return Err(Malformed(PROTO)),
    };
    Ok(Source { ip: source, secure })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Row = (&'static str, bool, &'static [(&'static str, &'static str)], &'static str);

    /// `peer | own TLS | headers | ip secure, or the malformed header`; proxies are 10.0.0.0/8 and `2001:db8::/32`.
    const TABLE: &[Row] = &[
        // Not a proxy: its headers are only words.
        ("192.0.2.1", false, &[], "192.0.2.1 false"),
        ("192.0.2.1", true, &[], "192.0.2.1 true"),
        ("192.0.2.1", false, &[("x-forwarded-for", "10.1.1.1")], "192.0.2.1 false"),
        ("192.0.2.1", false, &[("x-forwarded-for", "nonsense"), ("x-forwarded-proto", "https")], "192.0.2.1 false"),
        ("::ffff:192.0.2.1", false, &[], "192.0.2.1 false"),
        // A proxy asks for itself.
        ("10.0.0.1", false, &[], "10.0.0.1 false"),
        ("10.0.0.1", true, &[], "10.0.0.1 true"),
        // A proxy asks for another.
        ("10.0.0.1", false, &[("x-forwarded-for", "198.51.100.9")], "198.51.100.9 false"),
        ("::ffff:10.0.0.1", false, &[("x-forwarded-for", "198.51.100.9")], "198.51.100.9 false"),
        ("10.0.0.1", false, &[("x-forwarded-for", "::ffff:198.51.100.9")], "198.51.100.9 false"),
        ("2001:db8::1", false, &[("x-forwarded-for", "2001:db9::1")], "2001:db9::1 false"),
        // The right-most that is no proxy; what the client claimed stands left of it.
        ("10.0.0.1", false, &[("x-forwarded-for", "127.0.0.1, 198.51.100.9")], "198.51.100.9 false"),
        ("10.0.0.1", false, &[("x-forwarded-for", "1.2.3.4,198.51.100.9 , 10.9.9.9")], "198.51.100.9 false"),
        ("10.0.0.1", false, &[("x-forwarded-for", "1.2.3.4, ::ffff:10.9.9.9")], "1.2.3.4 false"),
        ("10.0.0.1", false, &[("x-forwarded-for", "10.0.0.3, 10.0.0.2")], "10.0.0.3 false"),
        // Several lines are one list.
        ("10.0.0.1", false, &[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "2.2.2.2")], "2.2.2.2 false"),
        ("10.0.0.1", false, &[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "10.2.2.2")], "1.1.1.1 false"),
        // The scheme.
        ("10.0.0.1", false, &[("x-forwarded-proto", "https")], "10.0.0.1 true"),
        ("10.0.0.1", false, &[("x-forwarded-proto", "HTTPS")], "10.0.0.1 true"),
        ("10.0.0.1", true, &[("x-forwarded-proto", "http")], "10.0.0.1 false"),
        // Malformed.
        ("10.0.0.1", false, &[("x-forwarded-for", "unknown")], "x-forwarded-for"),
        ("10.0.0.1", false, &[("x-forwarded-for", "")], "x-forwarded-for"),
        ("10.0.0.1", false, &[("x-forwarded-for", "1.2.3.4,")], "x-forwarded-for"),
        ("10.0.0.1", false, &[("x-forwarded-for", "1.2.3.4:80")], "x-forwarded-for"),
        ("10.0.0.1", false, &[("x-forwarded-for", "[2001:db9::1]")], "x-forwarded-for"),
        ("10.0.0.1", false, &[("x-forwarded-for", "01.2.3.4")], "x-forwarded-for"),
        ("10.0.0.1", false, &[("x-forwarded-for", "1.2.3")], "x-forwarded-for"),
        ("10.0.0.1", false, &[("x-forwarded-for", "junk, 198.51.100.9")], "x-forwarded-for"),
        ("10.0.0.1", false, &[("x-forwarded-for", "junk"), ("x-forwarded-for", "1.1.1.1")], "x-forwarded-for"),
        ("10.0.0.1", false, &[("x-forwarded-proto", "ftp")], "x-forwarded-proto"),
        ("10.0.0.1", false, &[("x-forwarded-proto", "")], "x-forwarded-proto"),
        ("10.0.0.1", false, &[("x-forwarded-proto", "https, http")], "x-forwarded-proto"),
        ("10.0.0.1", false, &[("x-forwarded-proto", "https"), ("x-forwarded-proto", "https")], "x-forwarded-proto"),
    ];

    #[test]
    fn forwarding_rules() {
        let proxies: Vec<IpNetwork> =
            ["10.0.0.0/8", "2001:db8::/32"].iter().map(|n| n.parse().expect("CIDR")).collect();
        for (peer, tls, headers, want) in TABLE {
            let mut map = HeaderMap::new();
            for (name, value) in *headers {
                map.append(*name, http::HeaderValue::from_static(value));
            }
            let got = source_ip(peer.parse().expect("an address"), *tls, &map, &proxies);
            let got = got.map_or_else(|e| e.0.to_owned(), |s| format!("{} {}", s.ip, s.secure));
            assert_eq!(got, *want, "{peer} {headers:?}");
        }
    }
}
