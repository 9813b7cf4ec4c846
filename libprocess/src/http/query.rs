//! Query strings and percent encoding.
//!
//! Mirrors `http::query` and `http::encode` in `3rdparty/libprocess/src/http.cpp`.

use std::collections::BTreeMap;

use thiserror::Error;

/// A percent escape is not two hexadecimal digits.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("Malformed % escape in '{text}': '{escape}'")]
pub struct DecodeError {
    /// The text that was to be decoded.
    pub text: String,
    /// The escape that is wrong.
    pub escape: String,
}

/// The decoded parameters of a request's query.
///
/// # Examples
/// ```
/// use libprocess::http::Query;
///
/// let query = Query::parse("jsonp=f&order=asc;limit=10&flag")?;
/// assert_eq!(query.get("limit"), Some("10"));
/// assert_eq!(query.get("flag"), Some(""));
/// # Ok::<(), libprocess::http::DecodeError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    parameters: BTreeMap<String, String>,
}

impl Query {
    /// Splits at `&` and `;`, then at the first `=`; the last of equal keys wins.
    ///
    /// # Errors
    /// When a percent escape is malformed.
    pub fn parse(text: &str) -> Result<Self, DecodeError> {
        let mut parameters = BTreeMap::new();
        for part in text.split(['&', ';']).filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            parameters.insert(decode(key)?, decode(value)?);
        }
        Ok(Self { parameters })
    }

    /// The value of a parameter.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.parameters.get(key).map(String::as_str)
    }

    /// Whether the parameter is there.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.parameters.contains_key(key)
    }

    /// Whether there are no parameters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parameters.is_empty()
    }

    /// All parameters, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The text that parses to this query.
    #[must_use]
    pub fn encode(&self) -> String {
        let parts: Vec<String> = self
            .iter()
            .map(|(key, value)| {
                if value.is_empty() {
                    encode(key)
                } else {
                    format!("{}={}", encode(key), encode(value))
                }
            })
            .collect();
        parts.join("&")
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Query {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let parameters = pairs
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        Self { parameters }
    }
}

/// Decodes percent escapes, and `+` as a blank. Bytes that are no UTF-8 are replaced.
///
/// # Errors
/// When a percent escape is malformed.
pub fn decode(text: &str) -> Result<String, DecodeError> {
    if !text.contains(['%', '+']) {
        return Ok(text.to_owned());
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'+' => decoded.push(b' '),
            b'%' => {
                let digits = tail.get(..2).and_then(hex_byte);
                let Some(byte) = digits else {
                    let escape = tail.get(..2).unwrap_or(tail);
                    return Err(DecodeError {
                        text: text.to_owned(),
                        escape: format!("%{}", String::from_utf8_lossy(escape)),
                    });
                };
                decoded.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            other => decoded.push(*other),
        }
    }
    Ok(String::from_utf8(decoded)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    let [high, low] = digits else { return None };
    Some((hex_digit(*high)? << 4) | hex_digit(*low)?)
}

/// The value of a hexadecimal digit in either case.
pub(crate) const fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Percent-encodes what may not stand in a URL as it is.
#[must_use]
pub fn encode(text: &str) -> String {
    encode_also(text, "")
}

/// As [`encode`], and the ASCII characters of `also` besides.
#[must_use]
pub fn encode_also(text: &str, also: &str) -> String {
    const RESERVED: &[u8] = b"$&+,/:;=?@ \"<>#%{}|\\^~[]`";
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let escape = !(0x20..=0x7f).contains(&byte)
            || RESERVED.contains(&byte)
            || also.as_bytes().contains(&byte);
        if escape {
            encoded.push('%');
            for digit in [byte >> 4, byte & 0xf] {
                encoded.push(
                    char::from_digit(u32::from(digit), 16).map_or('0', |c| c.to_ascii_uppercase()),
                );
            }
        } else {
            encoded.push(char::from(byte));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mirrors: HTTPTest.QueryEncodeDecode
    #[test]
    fn queries_split_at_both_separators_and_the_last_key_wins() {
        let query = Query::parse("foo=bar&baz;foo=b%20c+d&=x").expect("a query");

        assert_eq!(query.get("foo"), Some("b c d"));
        assert_eq!(query.get("baz"), Some(""));
        assert_eq!(query.get(""), Some("x"));
    }

    /// Mirrors: RequestDecoderTest.InvalidQueryArgs
    #[test]
    fn malformed_escapes_are_errors_that_name_the_escape() {
        assert_eq!(
            decode("%asdf%asdf").expect_err("malformed").to_string(),
            "Malformed % escape in '%asdf%asdf': '%as'"
        );
        assert_eq!(
            decode("a%2").expect_err("malformed").to_string(),
            "Malformed % escape in 'a%2': '%2'"
        );
    }

    /// Mirrors: HTTPTest.Encode
    #[test]
    fn reserved_and_control_characters_are_escaped_and_read_back() {
        let raw = "a$&+,/:;=?@ \"<>#%{}|\\^~[]`\u{19}\u{80}\u{ff}-_.!*'()";

        let encoded = encode(raw);

        assert_eq!(
            encoded,
            "a%24%26%2B%2C%2F%3A%3B%3D%3F%40%20%22%3C%3E%23%25%7B%7D%7C%5C%5E%7E%5B%5D%60%19%C2%80%C3%BF-_.!*'()"
        );
        assert_eq!(decode(&encoded).as_deref(), Ok(raw));
    }

    /// Mirrors: HTTPTest.EncodeAdditionalChars
    #[test]
    fn further_characters_are_escaped_when_asked() {
        assert_eq!(encode_also("profile.test", "."), "profile%2Etest");
    }

    /// Mirrors: HTTPTest.QueryEncoding
    #[test]
    fn keys_without_value_are_written_without_equals_sign() {
        let query: Query = [("foo", "bar"), ("a b", ""), ("c", "d&e")]
            .into_iter()
            .collect();

        assert_eq!(query.encode(), "a%20b&c=d%26e&foo=bar");
    }
}
