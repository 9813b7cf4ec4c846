//! Our LevelDB files beside those of the library of Google.

mod needs_python;
