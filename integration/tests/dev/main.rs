//! `mesos dev`: a whole cluster in one process, for somebody who tries it.

mod execute;
