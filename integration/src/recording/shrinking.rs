//! The one departure from what the set `volumes-operations` shows.
//!
//! Genuine masters never offer again what `SHRINK_VOLUME` frees; ours does.
//! A text that lists all resources shows it, and has them in another order.

/// What the framework shrinks its volumes by: the genuine master never offers it again.
const FREED: [f64; 3] = [20.0, 50.0, 70.0];

/// How the freed disk stands in texts: the genuine amounts, and ours.
const AMOUNTS: [(&str, &str); 2] = [(":364", ":384"), (":362", ":412")];

/// Whether a difference is that freed disk is offered again, or that a text has another order.
#[must_use]
pub fn is_of_shrinking(difference: &str) -> bool {
    let Some((_, values)) = difference.split_once(": recorded ") else {
        return false;
    };
    let Some((recorded, ours)) = values.split_once(", got ") else {
        return false;
    };
    match (recorded.parse::<f64>(), ours.parse::<f64>()) {
        (Ok(recorded), Ok(ours)) => FREED
            .iter()
            .any(|freed| (ours - recorded - freed).abs() < 1e-6),
        _ => resources(recorded, &AMOUNTS) == resources(ours, &[]),
    }
}

/// The words and the resources of a text, sorted, with some amounts replaced.
fn resources(text: &str, amounts: &[(&str, &str)]) -> Vec<String> {
    let words = text
        .trim_matches('"')
        .replace(" does not contain ", "; does not contain; ")
        .replace(" than available ", " than available; ");
    let mut words: Vec<String> = words
        .split("; ")
        .map(|word| {
            let amount = amounts.iter().find(|(genuine, _)| word.ends_with(genuine));
            amount.map_or_else(
                || word.to_owned(),
                |(genuine, ours)| word.replace(genuine, ours),
            )
        })
        .collect();
    words.sort();
    words
}

#[cfg(test)]
mod tests {
    use super::is_of_shrinking;

    #[test]
    fn only_freed_disk_is_a_known_difference() {
        assert!(is_of_shrinking("a.disk: recorded 5178.0, got 5248.0"));
        assert!(!is_of_shrinking("a.disk: recorded 5178.0, got 5249.0"));
        assert!(!is_of_shrinking("a: recorded nothing, got 70.0"));
        assert!(is_of_shrinking(
            r#"a: recorded "mem:1; disk:364 does not contain x", got "disk:384; mem:1 does not contain x""#
        ));
        assert!(!is_of_shrinking(
            r#"a: recorded "mem:1; disk:364 does not contain x", got "disk:384; mem:2 does not contain x""#
        ));
    }
}
