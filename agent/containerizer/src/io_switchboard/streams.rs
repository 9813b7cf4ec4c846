//! The streams between a container and its server: three pipes, or one terminal.

use std::{
    fs::File,
    io,
    os::fd::{AsRawFd, OwnedFd},
    path::PathBuf,
};

use mesos_proto::v1;
use nix::unistd::{User, chown};
use rustix::{
    pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use super::ContainerIo;
use crate::launcher::{ContainerOutput, Sink};

/// The streams of a container with both of their ends.
#[derive(Debug)]
pub(crate) struct Streams {
    /// What the container gets.
    pub(crate) container: ContainerIo,
    /// What the server gets.
    pub(crate) server: ServerEnds,
}

/// The server's ends.
#[derive(Debug)]
pub(crate) enum ServerEnds {
    /// One for each stream.
    Pipes {
        input: OwnedFd,
        out: OwnedFd,
        err: OwnedFd,
    },
    /// One for all, and where the container finds the other side.
    Terminal { ours: OwnedFd, path: PathBuf },
}

impl ServerEnds {
    /// The numbers by which a server is told of its ends: for its input, output and error output.
    pub(crate) fn numbers(&self) -> [i32; 3] {
        match self {
            Self::Pipes { input, out, err } => [input, out, err].map(AsRawFd::as_raw_fd),
            Self::Terminal { ours, .. } => [ours.as_raw_fd(); 3],
        }
    }

    /// What the server inherits.
    pub(crate) fn into_descriptors(self) -> Vec<OwnedFd> {
        match self {
            Self::Pipes { input, out, err } => vec![input, out, err],
            Self::Terminal { ours, .. } => vec![ours],
        }
    }
}

/// Makes three pipes.
pub(crate) fn pipes() -> io::Result<Streams> {
    let (input_from, input) = io::pipe()?;
    let (out, out_to) = io::pipe()?;
    let (err, err_to) = io::pipe()?;
    Ok(Streams {
        container: ContainerIo {
            input: Some(input_from.into()),
            output: ContainerOutput {
                out: file(out_to.into()),
                err: file(err_to.into()),
            },
        },
        server: ServerEnds::Pipes {
            input: input.into(),
            out: out.into(),
            err: err.into(),
        },
    })
}

/// Makes a terminal that belongs to a user, of the size that was asked for.
pub(crate) fn terminal(info: &v1::TtyInfo, user: Option<&str>) -> io::Result<Streams> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours = openpt(flags)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let path = ptsname(&ours, Vec::new())?;
    let path = PathBuf::from(path.into_string().map_err(io::Error::other)?);
    if let Some(name) = user {
        let user = User::from_name(name)?
            .ok_or_else(|| io::Error::other(format!("No such user '{name}'")))?;
        chown(&path, Some(user.uid), Some(user.gid))?;
    }
    if let Some(size) = &info.window_size {
        tcsetwinsize(&ours, window_size(size))?;
    }
    let theirs = ioctl_tiocgptpeer(&ours, flags)?;
    Ok(Streams {
        container: ContainerIo {
            output: ContainerOutput {
                out: file(theirs.try_clone()?),
                err: file(theirs.try_clone()?),
            },
            input: Some(theirs),
        },
        server: ServerEnds::Terminal { ours, path },
    })
}

/// The size of a window as terminals have it; more than they can have is the most they can have.
pub(crate) fn window_size(size: &v1::tty_info::WindowSize) -> Winsize {
    let fit = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
    Winsize {
        ws_row: fit(size.rows()),
        ws_col: fit(size.columns()),
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

fn file(descriptor: OwnedFd) -> Sink {
    Sink::File(File::from(descriptor))
}
