//! Rewrites a pattern of RE2 into one of the `regex` crate.
//!
//! - Perl classes and word boundaries are ASCII; octal escapes and `\Q...\E` are known.
//! - `\<` and `\>`, and a brace that begins no repetition, stand for themselves.
//! - Inside a class `[`, `&` and `~` stand for themselves, and a dash makes a range or nothing.
//! - Groups have no names, and no flags besides `imsU`.

/// The names of classes such as `[:alpha:]`.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// Rewrites a pattern; what RE2 refuses and the crate would take is refused in RE2's words.
pub(super) fn translate(pattern: &str) -> Result<String, String> {
    let mut translator = Translator {
        rest: pattern,
        out: String::with_capacity(pattern.len() + 16),
    };
    while !translator.rest.is_empty() {
        translator.step()?;
    }
    Ok(translator.out)
}

struct Translator<'a> {
    rest: &'a str,
    out: String,
}

impl<'a> Translator<'a> {
    fn step(&mut self) -> Result<(), String> {
        if self.rest.starts_with("(?") {
            return self.group();
        }
        match self.next() {
            Some('\\') => self.escape(),
            Some('[') => self.class(),
            Some('{') if !is_repetition(self.rest) => {
                self.out.push_str("\\{");
                Ok(())
            }
            Some(letter) => {
                self.out.push(letter);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.rest.chars().next()?;
        self.rest = self.rest.get(letter.len_utf8()..)?;
        Some(letter)
    }

    fn skip(&mut self, length: usize) -> &'a str {
        let skipped = self.rest.get(..length).unwrap_or(self.rest);
        self.rest = self.rest.get(length..).unwrap_or_default();
        skipped
    }

    /// A group with a name or flags; only the bracket is left of a name.
    fn group(&mut self) -> Result<(), String> {
        if let Some(named) = self.rest.strip_prefix("(?P<") {
            let end = named.find('>');
            let name = end.and_then(|end| named.get(..end)).unwrap_or_default();
            let whole = end.map_or(self.rest.len(), |end| "(?P<>".len() + end);
            let good = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
            let group = self.skip(whole);
            if name.is_empty() || !name.chars().all(good) {
                return Err(format!("invalid named capture group: {group}"));
            }
            self.out.push('(');
            return Ok(());
        }
        let flags = self.rest.get(2..).unwrap_or_default();
        let end = flags.find(|letter| !matches!(letter, 'i' | 'm' | 's' | 'U' | '-'));
        let stop = end.and_then(|end| flags.get(end..)?.chars().next());
        let length = end.map_or(self.rest.len(), |end| {
            2 + end + stop.map_or(0, char::len_utf8)
        });
        let group = self.skip(length);
        if !matches!(stop, Some(':' | ')')) {
            return Err(format!("invalid perl operator: {group}"));
        }
        self.out.push_str(group);
        Ok(())
    }

    /// What follows a backslash outside of classes.
    fn escape(&mut self) -> Result<(), String> {
        match self.next() {
            None => self.out.push('\\'),
            Some('Q') => {
                let end = self.rest.find("\\E").unwrap_or(self.rest.len());
                let text = self.skip(end);
                self.skip("\\E".len());
                self.out.push_str(&regex_syntax::escape(text));
            }
            Some('b') => self.out.push_str("(?-u:\\b)"),
            Some(letter) => self.common_escape(letter)?,
        }
        Ok(())
    }

    fn common_escape(&mut self, letter: char) -> Result<(), String> {
        if let Some(class) = perl_class(letter) {
            self.out.push('[');
            self.out.push_str(class);
            self.out.push(']');
        } else if letter.is_ascii_digit() {
            let code = self.octal(letter)?;
            self.out.push_str(&format!("\\x{{{code:x}}}"));
        } else if matches!(letter, '<' | '>') {
            self.out.push(letter);
        } else {
            self.out.push('\\');
            self.out.push(letter);
            if matches!(letter, 'x' | 'p' | 'P') && self.rest.starts_with('{') {
                let end = self.rest.find('}').map_or(self.rest.len(), |end| end + 1);
                let name = self.skip(end);
                self.out.push_str(name);
            } else if letter == 'x' {
                let digits = self.skip(2.min(self.rest.len()));
                self.out.push_str(digits);
            }
        }
        Ok(())
    }

    /// A digit that is not zero needs another one: alone it would refer to a group.
    fn octal(&mut self, first: char) -> Result<u32, String> {
        let digit = |rest: &str| rest.chars().next().and_then(|letter| letter.to_digit(8));
        let code = first.to_digit(8);
        let Some(mut code) = code.filter(|code| *code == 0 || digit(self.rest).is_some()) else {
            return Err(format!("invalid escape sequence: \\{first}"));
        };
        for _ in 0..2 {
            if let Some(more) = digit(self.rest) {
                code = code * 8 + more;
                self.next();
            }
        }
        Ok(code)
    }

    /// What follows an opening bracket, to its closing one.
    fn class(&mut self) -> Result<(), String> {
        let inside = self.rest;
        self.out.push('[');
        if self.rest.starts_with('^') {
            self.out.push('^');
            self.next();
        }
        let mut is_first = true;
        loop {
            if self.rest.is_empty() {
                return Err(format!("missing ]: [{inside}"));
            }
            if self.rest.starts_with(']') && !is_first {
                self.out.push(']');
                self.next();
                return Ok(());
            }
            is_first = false;
            self.class_item()?;
        }
    }

    /// A named class, or a letter that may begin a range.
    fn class_item(&mut self) -> Result<(), String> {
        if let Some(named) = self.rest.strip_prefix("[:")
            && let Some(end) = named.find(":]")
        {
            let name = named.get(..end).unwrap_or_default();
            let class = self.skip("[::]".len() + end);
            if !POSIX.contains(&name.trim_start_matches('^')) {
                return Err(format!("invalid character class range: {class}"));
            }
            self.out.push_str(class);
            return Ok(());
        }
        let item = self.rest;
        let low = item.chars().next();
        if self.class_letter()? == ClassLetter::Single
            && self.rest.starts_with('-')
            && self.rest.len() > 1
            && !self.rest.starts_with("-]")
        {
            self.next();
            self.out.push('-');
            let high = self.rest.chars().next();
            self.class_letter()?;
            let plain = low != Some('\\') && high != Some('\\');
            if plain && low > high {
                let range = item.get(..item.len() - self.rest.len());
                let range = range.unwrap_or_default();
                return Err(format!("invalid character class range: {range}"));
            }
        }
        Ok(())
    }

    fn class_letter(&mut self) -> Result<ClassLetter, String> {
        match self.next() {
            Some('\\') => {
                let Some(letter) = self.next() else {
                    self.out.push('\\');
                    return Ok(ClassLetter::Single);
                };
                self.common_escape(letter)?;
                if perl_class(letter).is_some() || matches!(letter, 'p' | 'P') {
                    return Ok(ClassLetter::Many);
                }
            }
            Some(letter) => {
                if matches!(letter, '[' | ']' | '&' | '~' | '-' | '^') {
                    self.out.push('\\');
                }
                self.out.push(letter);
            }
            None => {}
        }
        Ok(ClassLetter::Single)
    }
}

/// What a part of a class stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ClassLetter {
    Single,
    Many,
}

/// The letters of a class of one letter.
fn perl_class(letter: char) -> Option<&'static str> {
    Some(match letter {
        'd' => "0-9",
        'D' => "^0-9",
        'w' => "0-9A-Za-z_",
        'W' => "^0-9A-Za-z_",
        's' => "\\t\\n\\f\\r ",
        'S' => "^\\t\\n\\f\\r ",
        _ => return None,
    })
}

/// Whether what follows a brace makes it a counted repetition.
fn is_repetition(rest: &str) -> bool {
    let Some((inside, _)) = rest.split_once('}') else {
        return false;
    };
    let digits = |text: &str| text.chars().all(|letter| letter.is_ascii_digit());
    match inside.split_once(',') {
        Some((least, most)) => !least.is_empty() && digits(least) && digits(most),
        None => !inside.is_empty() && digits(inside),
    }
}
