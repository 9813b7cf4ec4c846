//! Paths taken apart by a pattern.
//!
//! Mirrors `http::path::parse` in `3rdparty/libprocess/src/http.cpp`.

use std::collections::BTreeMap;

use thiserror::Error;

/// Why a path does not fit its pattern.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PathError {
    /// Another word than the one in the pattern.
    #[error("Expecting '{expected}' not '{found}'")]
    Other {
        /// The word in the pattern.
        expected: String,
        /// The word in the path.
        found: String,
    },
    /// More than the pattern has.
    #[error("Not expecting suffix '{suffix}'")]
    Suffix {
        /// What is too much.
        suffix: String,
    },
}

/// Names the words of a path by a pattern such as `/books/{isbn}/chapters/{chapter}`.
///
/// Words of the pattern without braces must be in the path and have their own names.
/// A path may end before its pattern does. Empty words do not count.
///
/// # Errors
/// When the path has another word than the pattern, or more of them.
///
/// # Examples
/// ```
/// use libprocess::http::path;
///
/// let words = path::parse("/quota/{role}", "/quota/dev")?;
/// assert_eq!(words["role"], "dev");
/// # Ok::<(), path::PathError>(())
/// ```
pub fn parse(pattern: &str, path: &str) -> Result<BTreeMap<String, String>, PathError> {
    let words = |text: &'_ str| -> Vec<String> {
        let words = text.split('/').filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    };
    let mut found = words(path).into_iter();
    let mut named = BTreeMap::new();
    for part in words(pattern) {
        let Some(word) = found.next() else {
            return Ok(named);
        };
        match part
            .strip_prefix('{')
            .and_then(|part| part.strip_suffix('}'))
        {
            Some(name) => {
                named.insert(name.to_owned(), word);
            }
            None if part == word => {
                named.insert(part, word);
            }
            None => {
                return Err(PathError::Other {
                    expected: part,
                    found: word,
                });
            }
        }
    }
    let rest: Vec<_> = found.collect();
    if rest.is_empty() {
        Ok(named)
    } else {
        let suffix = rest.join("/");
        Err(PathError::Suffix { suffix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATTERN: &str = "/books/{isbn}/chapters/{chapter}";

    fn words(path: &str) -> Vec<(String, String)> {
        parse(PATTERN, path).expect("it fits").into_iter().collect()
    }

    fn pair(name: &str, word: &str) -> (String, String) {
        (name.to_owned(), word.to_owned())
    }

    /// Mirrors: HTTPTest.PathParse
    #[test]
    fn words_get_the_names_of_their_places() {
        assert_eq!(
            words("/books/0304827484/chapters/3"),
            [
                pair("books", "books"),
                pair("chapter", "3"),
                pair("chapters", "chapters"),
                pair("isbn", "0304827484"),
            ]
        );
        assert_eq!(
            words("/books/0304827484"),
            [pair("books", "books"), pair("isbn", "0304827484")]
        );
        assert_eq!(words("/books/0304827484/chapters").len(), 3);
        for (path, error) in [
            ("/foo/0304827484/chapters", "Expecting 'books' not 'foo'"),
            ("/books/0304827484/bar", "Expecting 'chapters' not 'bar'"),
            (
                "/books/0304827484/chapters/3/foo/bar",
                "Not expecting suffix 'foo/bar'",
            ),
        ] {
            let found = parse(PATTERN, path).expect_err("it does not fit");
            assert_eq!(found.to_string(), error);
        }
    }
}
