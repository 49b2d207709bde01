use super::*;
use axum::http::HeaderValue;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn network(text: &str) -> Network {
    text.parse().unwrap()
}

/// Whom a proxy at 10.0.0.1 speaks for, that and everything in `fd00::/8` being trusted.
fn client(headers: &[(&'static str, &'static str)]) -> String {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, HeaderValue::from_static(value));
    }
    let proxies = Proxies::new([network("10.0.0.1"), network("fd00::/8")]);
    proxies.client(ip("10.0.0.1"), &map).to_string()
}

#[test]
fn a_client_of_ipv6_is_all_that_its_64_bits_hold() {
    let of = |text| Network::of_client(ip(text));
    assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:0:0:2"));
    assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
    assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
}

#[test]
fn a_network_holds_what_begins_as_it_does() {
    let all = network("10.0.0.0/8");
    assert!(all.contains(ip("10.255.0.1")) && all.contains(ip("::ffff:10.0.0.1")));
    assert!(!all.contains(ip("11.0.0.1")) && !all.contains(ip("a00::1")));
    assert!(network("192.0.2.7").contains(ip("192.0.2.7")));
    assert!(!network("192.0.2.7").contains(ip("192.0.2.6")));
    assert!(network("2001:db8::/32").contains(ip("2001:db8:ffff::1")));
    assert!(!network("2001:db8::/32").contains(ip("2001:db9::1")));
    assert_eq!(network("::1").to_string(), "::1/128");
}

#[test]
fn refuses_what_is_no_network() {
    for bad in [
        "",
        "proxy.example",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/8/8",
        "::1/129",
        "10.0.0.1:80",
    ] {
        let refused = bad.parse::<Network>().unwrap_err().to_string();
        assert!(refused.contains("expected an address"), "{bad}: {refused}");
    }
    let refused = "10.0.0.1/8".parse::<Network>().unwrap_err().to_string();
    assert!(refused.ends_with("the network is 10.0.0.0/8"), "{refused}");
    for all in ["0.0.0.0/0", "::/0"] {
        assert_eq!(all.parse::<Network>(), Err(NetworkError::Everybody));
    }
}

#[test]
fn nobody_is_believed_who_is_not_trusted() {
    let headers = HeaderMap::from_iter([(X_FORWARDED_FOR, HeaderValue::from_static("192.0.2.9"))]);
    let stranger = ip("198.51.100.1");
    for proxies in [Proxies::default(), Proxies::new([network("10.0.0.1")])] {
        assert_eq!(proxies.client(stranger, &headers), stranger);
    }
}

#[test]
fn the_last_hop_counts_and_what_a_client_wrote_before_it_does_not() {
    assert_eq!(
        client(&[("x-forwarded-for", "1.1.1.1, 192.0.2.9")]),
        "192.0.2.9"
    );
    assert_eq!(
        client(&[
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-for", "192.0.2.9:4711")
        ]),
        "192.0.2.9"
    );
    assert_eq!(
        client(&[(
            "forwarded",
            "for=\"1.1.1.1, for=192.0.2.9;proto=https;by=10.0.0.1"
        )]),
        "192.0.2.9"
    );
    assert_eq!(
        client(&[("forwarded", "proto=https; For=\"[2001:db8::17]:4711\"")]),
        "2001:db8::17"
    );
    assert_eq!(
        client(&[("x-forwarded-for", "[2001:db8::17]")]),
        "2001:db8::17"
    );
}

#[test]
fn trusted_proxies_on_the_way_are_passed_over() {
    assert_eq!(
        client(&[("x-forwarded-for", "1.1.1.1, 192.0.2.9, fd00::7")]),
        "192.0.2.9"
    );
    assert_eq!(
        client(&[("x-forwarded-for", "fd00::8, fd00::7")]),
        "fd00::8"
    );
}

#[test]
fn a_proxy_that_does_not_say_stands_for_itself() {
    assert_eq!(client(&[]), "10.0.0.1");
    for hidden in ["for=unknown", "for=_hidden", "proto=https", ""] {
        assert_eq!(client(&[("forwarded", hidden)]), "10.0.0.1", "{hidden}");
    }
    for broken in ["1.1.1.1, nobody", "1.1.1.1,", "::1::", "1.1.1.1, [1"] {
        assert_eq!(
            client(&[("x-forwarded-for", broken)]),
            "10.0.0.1",
            "{broken}"
        );
    }
}

#[test]
fn where_two_headers_differ_neither_is_believed() {
    let both = |forwarded, common| client(&[("forwarded", forwarded), ("x-forwarded-for", common)]);
    assert_eq!(both("for=192.0.2.9", "192.0.2.9"), "192.0.2.9");
    assert_eq!(both("for=1.1.1.1", "192.0.2.9"), "10.0.0.1");
    assert_eq!(both("for=192.0.2.9", "1.1.1.1"), "10.0.0.1");
}
