//! Sockets, the entries of a `sockmap`, a `sockhash`, a `reuseport_sockarray` or an `xskmap`.

use super::descriptor;
use crate::plain::Plain;
use crate::user_space::sys::{ENOTSUPP, fd_bits};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

/// A borrowed socket. You can create a `SocketFd` from a reference to any type with a descriptor,
/// such as `std::net::TcpStream`. The kernel refuses a descriptor that is not a socket.
#[derive(Clone, Copy, Debug)]
pub struct SocketFd<'a>(BorrowedFd<'a>);

impl<'a, T: AsFd + ?Sized> From<&'a T> for SocketFd<'a> {
    fn from(socket: &'a T) -> Self {
        Self(socket.as_fd())
    }
}

impl AsFd for SocketFd<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0
    }
}

/// The cookie of a socket, a number that is unique until the next boot (`SO_COOKIE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketCookie(u64);

impl SocketCookie {
    /// Returns the cookie of an open socket. You can use the cookie to find the socket in a map.
    ///
    /// # Errors
    /// `ENOTSOCK`: the descriptor is not a socket. The error has the type [`io::Error`], because
    /// this function does not use a map.
    pub fn of(socket: &impl AsFd) -> io::Result<Self> {
        let mut cookie = 0_u64;
        let mut len: libc::socklen_t = 8;
        // SAFETY: the kernel writes at most `len` bytes to the cookie, which has `len` bytes.
        let result = unsafe {
            libc::getsockopt(
                socket.as_fd().as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_COOKIE,
                (&raw mut cookie).cast(),
                &raw mut len,
            )
        };
        if result == 0 { Ok(Self(cookie)) } else { Err(io::Error::last_os_error()) }
    }

    /// Returns the cookie as a number. In programs, `bpf_get_socket_cookie` returns the same
    /// number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

/// The value of a map of sockets, from which the kernel reads a descriptor: `u32` or `u64`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the value of a map of sockets",
    label = "`u64`, or `u32` if you need no lookups"
)]
pub trait SocketValue: Plain {
    type Object<'a>;

    fn to_kernel(socket: &Self::Object<'_>) -> [u8; 8];
}

impl SocketValue for u32 {
    type Object<'a> = SocketFd<'a>;

    fn to_kernel(socket: &SocketFd<'_>) -> [u8; 8] {
        descriptor(socket.0)
    }
}

impl SocketValue for u64 {
    type Object<'a> = SocketFd<'a>;

    fn to_kernel(socket: &SocketFd<'_>) -> [u8; 8] {
        u64::from(fd_bits(socket.0.as_raw_fd())).to_ne_bytes()
    }
}

/// The value of a map of sockets that is large enough for a cookie: `u64`.
#[diagnostic::on_unimplemented(
    message = "values of type `{Self}` are too small for a socket's cookie",
    label = "a lookup needs values of 8 bytes",
    note = "a lookup in a map of sockets returns a cookie of 8 bytes (the kernel returns ENOSPC for values of 4 bytes): use `u64` for the map's value"
)]
pub trait CookieValue: SocketValue {
    type Shown;

    fn from_kernel(value: [u8; 8]) -> Self::Shown;
}

impl CookieValue for u64 {
    type Shown = SocketCookie;

    fn from_kernel(value: [u8; 8]) -> SocketCookie {
        SocketCookie(Self::from_ne_bytes(value))
    }
}

by_value!(HoldObjects for Sockmap, SocketValue, refusal_of_data);
by_value!(ShowObjects for Sockmap, CookieValue);
by_value!(HoldObjects for Sockhash, SocketValue, refusal_of_data);
by_value!(ShowObjects for Sockhash, CookieValue);
by_value!(HoldObjects for ReuseportSockarray, SocketValue, refusal_of_reuseport);
by_value!(ShowObjects for ReuseportSockarray, CookieValue);
by_value!(HoldObjects for Xskmap, SocketValue, refusal_of_xdp);

const NO_SOCKET: &str = "the descriptor is not a socket";

/// Returns the meaning of an errno for a socket in a `sockmap` or a `sockhash`.
fn refusal_of_data(errno: i32) -> Option<&'static str> {
    Some(match errno {
        libc::ENOTSOCK => NO_SOCKET,
        libc::EOPNOTSUPP => {
            "the map accepts listening and connected TCP sockets, bound UDP sockets, and connected AF_UNIX (Linux 5.15) and AF_VSOCK (6.4) sockets"
        }
        _ => return None,
    })
}

/// Returns the meaning of an errno for a socket in a `reuseport_sockarray`.
fn refusal_of_reuseport(errno: i32) -> Option<&'static str> {
    Some(match errno {
        libc::ENOTSOCK => NO_SOCKET,
        libc::EINVAL => "the socket is not bound, or was bound without SO_REUSEPORT",
        libc::EBUSY => "the socket is already in a map of this type",
        ENOTSUPP => "the map accepts UDP sockets and listening TCP sockets",
        _ => return None,
    })
}

/// Returns the meaning of an errno for an `AF_XDP` socket.
fn refusal_of_xdp(errno: i32) -> Option<&'static str> {
    Some(match errno {
        libc::ENOTSOCK => NO_SOCKET,
        libc::EOPNOTSUPP => "the socket is not an AF_XDP socket",
        libc::ENOBUFS => "the socket has no receive ring (XDP_RX_RING)",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no kernel")]
    fn each_socket_has_its_own_cookie() {
        let sockets = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let [first, second] = sockets.each_ref().map(|socket| SocketCookie::of(socket).unwrap());
        assert_ne!(first, second);
        assert_eq!(SocketCookie::of(&sockets[0]).unwrap(), first);
        let file = std::fs::File::open("/dev/null").unwrap();
        assert_eq!(SocketCookie::of(&file).unwrap_err().raw_os_error(), Some(libc::ENOTSOCK));
    }
}
