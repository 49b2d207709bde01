//! From where a client speaks: the address at the other end of its connection, or the one that a trusted proxy names.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use axum::http::header::FORWARDED;
use axum::http::{HeaderMap, HeaderName};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// What one host of IPv6 is given at least (RFC 6177 §2): it speaks from any address in it.
const HOST_V6: u8 = 64;

/// The address at the other end of a request's connection; an extension of every request that came by a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub IpAddr);

/// Addresses that share their first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network {
    address: IpAddr,
    length: u8,
}

/// Says why a text names no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// It is not written as one.
    #[error(
        "expected an address such as 192.0.2.7 or a network such as 10.0.0.0/8 or 2001:db8::/32, found {found:?}"
    )]
    Malformed {
        /// The text.
        found: String,
    },
    /// It has bits behind its length.
    #[error("{address} has more than its first {length} bits: the network is {expected}")]
    Bits {
        /// The address.
        address: IpAddr,
        /// How many bits count.
        length: u8,
        /// The network in which the address is.
        expected: Network,
    },
    /// Every address is in it.
    #[error("a network of length 0 is everybody's")]
    Everybody,
}

impl Network {
    /// The smallest network that can be told apart from others as one client: an address of IPv4, 64 bits of IPv6.
    pub fn of_client(address: IpAddr) -> Self {
        match address.to_canonical() {
            address @ IpAddr::V4(_) => Self {
                address,
                length: 32,
            },
            address @ IpAddr::V6(_) => Self {
                address: cut(address, HOST_V6),
                length: HOST_V6,
            },
        }
    }

    /// Whether an address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && cut(address, self.length) == self.address
    }
}

/// The first bits of an address.
fn cut(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let gone = 32_u32.saturating_sub(u32::from(length));
            let mask = u32::MAX.checked_shl(gone).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let gone = 128_u32.saturating_sub(u32::from(length));
            let mask = u128::MAX.checked_shl(gone).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let malformed = || NetworkError::Malformed {
            found: text.to_owned(),
        };
        let (address, length) = match text.split_once('/') {
            None => (text, None),
            Some((address, length)) => (address, Some(length)),
        };
        let address: IpAddr = address.parse().map_err(|_| malformed())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => longest,
            Some(length) => length.parse().map_err(|_| malformed())?,
        };
        if length > longest {
            return Err(malformed());
        }
        if length == 0 {
            return Err(NetworkError::Everybody);
        }
        let network = Self {
            address: cut(address, length),
            length,
        };
        if network.address != address {
            return Err(NetworkError::Bits {
                address,
                length,
                expected: network,
            });
        }
        Ok(network)
    }
}

/// The proxies whose word is taken for whom they speak; none unless the operator names some.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    trusted: Arc<[Network]>,
}

impl Proxies {
    /// Trusts what speaks from these networks.
    pub fn new(trusted: impl IntoIterator<Item = Network>) -> Self {
        Self {
            trusted: trusted.into_iter().collect(),
        }
    }

    /// The address from which a client speaks whose connection comes from `peer`.
    ///
    /// Of a trusted proxy that is the last hop in its `Forwarded` (RFC 7239) or `X-Forwarded-For`: what stands before it, the
    /// client itself may have written. Hops that are trusted proxies themselves are passed over. Where the two headers differ,
    /// one of them is the client's own, and the proxy's address counts.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return peer;
        }
        let standard = self.behind(peer, headers, &FORWARDED, forwarded_for);
        let common = self.behind(peer, headers, &X_FORWARDED_FOR, address_of);
        match (standard, common) {
            (Some(client), None) | (None, Some(client)) => client,
            (Some(standard), Some(common)) if standard == common => standard,
            _ => peer,
        }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }

    /// The nearest hop that is no trusted proxy, or else the farthest that is known; none without the header.
    fn behind(
        &self,
        peer: IpAddr,
        headers: &HeaderMap,
        name: &HeaderName,
        read: impl Fn(&str) -> Option<IpAddr>,
    ) -> Option<IpAddr> {
        if !headers.contains_key(name) {
            return None;
        }
        let mut nearest = peer;
        // Proxies add to the end: quotation marks that a client left open before it change nothing there.
        let lines = headers.get_all(name).iter().rev();
        let hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        for hop in hops {
            let Some(address) = read(hop.trim()) else {
                break;
            };
            nearest = address;
            if !self.trusts(address) {
                break;
            }
        }
        Some(nearest)
    }
}

/// The node that an element of `Forwarded` speaks for (RFC 7239 §4, §5.2); none where it is hidden.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    address_of(node.trim().trim_matches('"'))
}

/// An address, with or without a port.
fn address_of(node: &str) -> Option<IpAddr> {
    let plain = node
        .strip_prefix('[')
        .and_then(|node| node.strip_suffix(']'));
    let address = plain.unwrap_or(node).parse::<IpAddr>();
    let address = address.or_else(|_| node.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests;
