//! Parses tables of routes.

use std::fmt;
use std::net::Ipv4Addr;

/// A route to a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The first address of the network.
    pub network: Ipv4Addr,
    /// The number of leading bits that all addresses of the network share.
    pub length: u32,
    /// The next hop for packets to the network.
    pub next_hop: NextHop,
}

/// The destination to which a router sends a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextHop {
    /// The address of the next router. `None` if the interface reaches the network directly.
    pub gateway: Option<Ipv4Addr>,
    /// The name of the network interface.
    pub interface: String,
}

impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.gateway {
            Some(gateway) => write!(f, "via {gateway} dev {}", self.interface),
            None => write!(f, "dev {}", self.interface),
        }
    }
}

/// Parses a table of routes. The text is either the contents of `/proc/net/route`, or consists of
/// lines in the format of `ip route`, such as `192.0.2.0/24 via 198.51.100.1 dev eth0`. Empty lines
/// and lines that begin with `#` are ignored.
///
/// # Errors
///
/// Returns a message with the number of the first line that is not a route.
pub fn parse(text: &str) -> Result<Vec<Route>, String> {
    if text.starts_with("Iface") {
        return parse_kernel_table(text);
    }
    let lines = text.lines().enumerate();
    let lines = lines.map(|(index, line)| (index + 1, line.trim()));
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(number, line)| parse_line(line).map_err(|error| format!("line {number}: {error}")))
        .collect()
}

fn parse_line(line: &str) -> Result<Route, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (network, gateway, interface) = match words.as_slice() {
        [network, "via", gateway, "dev", interface, ..] => (network, Some(*gateway), interface),
        [network, "dev", interface, ..] => (network, None, interface),
        _ => return Err(format!("expected `NETWORK [via GATEWAY] dev INTERFACE`, found `{line}`")),
    };
    let (network, length) = match *network {
        "default" => (Ipv4Addr::UNSPECIFIED, 0),
        network => parse_network(network)?,
    };
    let gateway = gateway.map(parse_address).transpose()?;
    Ok(Route { network, length, next_hop: NextHop { gateway, interface: (*interface).to_owned() } })
}

fn parse_network(text: &str) -> Result<(Ipv4Addr, u32), String> {
    let (address, length) = text.split_once('/').unwrap_or((text, "32"));
    let network = parse_address(address)?;
    let length: u32 = length.parse().ok().filter(|length| *length <= 32).ok_or_else(|| {
        format!("expected a prefix length from 0 to 32 in `{text}`, found `{length}`")
    })?;
    // The kernel would store these bits and ignore them.
    if network.to_bits() & !mask(length) != 0 {
        return Err(format!("`{text}` has address bits beyond its prefix length"));
    }
    Ok((network, length))
}

fn parse_address(text: &str) -> Result<Ipv4Addr, String> {
    text.parse().map_err(|_| format!("expected an IPv4 address, found `{text}`"))
}

/// Returns the netmask in which the first `length` bits are set.
fn mask(length: u32) -> u32 {
    u32::MAX.checked_shl(32 - length).unwrap_or(0)
}

/// A line of `/proc/net/route`.
struct KernelRoute {
    route: Route,
    metric: u32,
    /// Whether the kernel uses the route.
    is_usable: bool,
}

/// Parses `/proc/net/route`. If there are several routes to a network, the kernel uses the route
/// with the lowest metric.
fn parse_kernel_table(text: &str) -> Result<Vec<Route>, String> {
    let mut routes: Vec<KernelRoute> = vec![];
    for (index, line) in text.lines().enumerate().skip(1) {
        let new = parse_kernel_line(line);
        let new = new.ok_or_else(|| format!("line {}: not a route of the kernel", index + 1))?;
        if !new.is_usable {
            continue;
        }
        let network = |route: &Route| (route.network, route.length);
        match routes.iter_mut().find(|known| network(&known.route) == network(&new.route)) {
            Some(known) if known.metric <= new.metric => {}
            Some(known) => *known = new,
            None => routes.push(new),
        }
    }
    Ok(routes.into_iter().map(|known| known.route).collect())
}

fn parse_kernel_line(line: &str) -> Option<KernelRoute> {
    // `include/uapi/linux/route.h`
    const RTF_UP: u32 = 1;
    const RTF_GATEWAY: u32 = 2;
    const RTF_REJECT: u32 = 0x200;

    let fields: Vec<&str> = line.split_whitespace().collect();
    let [interface, destination, gateway, flags, _, _, metric, mask, ..] = *fields.as_slice()
    else {
        return None;
    };
    // The kernel prints the bytes of an address as one number in the machine's byte order.
    let address = |text| Some(Ipv4Addr::from(u32::from_str_radix(text, 16).ok()?.to_ne_bytes()));
    let flags = u32::from_str_radix(flags, 16).ok()?;
    let gateway = Some(address(gateway)?).filter(|_| flags & RTF_GATEWAY != 0);
    let route = Route {
        network: address(destination)?,
        length: address(mask)?.to_bits().leading_ones(),
        next_hop: NextHop { gateway, interface: interface.to_owned() },
    };
    let is_usable = flags & (RTF_UP | RTF_REJECT) == RTF_UP;
    Some(KernelRoute { route, metric: metric.parse().ok()?, is_usable })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(routes: &[Route]) -> Vec<String> {
        let show = |route: &Route| format!("{}/{} {}", route.network, route.length, route.next_hop);
        routes.iter().map(show).collect()
    }

    #[test]
    fn reads_lines_of_ip_route() {
        let text = "# A comment\n\ndefault via 192.0.2.1 dev wan proto dhcp\n198.51.100.0/24 dev lan\n203.0.113.9 via 192.0.2.2 dev wan\n";
        assert_eq!(
            shown(&parse(text).unwrap()),
            [
                "0.0.0.0/0 via 192.0.2.1 dev wan",
                "198.51.100.0/24 dev lan",
                "203.0.113.9/32 via 192.0.2.2 dev wan"
            ]
        );
    }

    #[test]
    fn names_the_line_that_is_not_a_route() {
        for (line, error) in [
            (
                "192.0.2.0/24",
                "line 2: expected `NETWORK [via GATEWAY] dev INTERFACE`, found `192.0.2.0/24`",
            ),
            (
                "192.0.2.0/33 dev lan",
                "line 2: expected a prefix length from 0 to 32 in `192.0.2.0/33`, found `33`",
            ),
            (
                "192.0.2.7/24 dev lan",
                "line 2: `192.0.2.7/24` has address bits beyond its prefix length",
            ),
            ("default via lan dev lan", "line 2: expected an IPv4 address, found `lan`"),
        ] {
            assert_eq!(parse(&format!("10.0.0.0/8 dev lan\n{line}")).unwrap_err(), error);
        }
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn reads_the_table_of_the_kernel() {
        let text = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
            eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
            wlan0\t00000000\t020200C0\t0003\t0\t0\t50\t00000000\t0\t0\t0\n\
            eth0\t000200C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n\
            *\t006433C6\t00000000\t0200\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
        assert_eq!(
            shown(&parse(text).unwrap()),
            ["0.0.0.0/0 via 192.0.2.2 dev wlan0", "192.0.2.0/24 dev eth0"]
        );
        let broken = format!("{text}eth0\tlan\n");
        assert_eq!(parse(&broken).unwrap_err(), "line 6: not a route of the kernel");
    }
}
