//! What the user may have meant: the nearest of the names that exist.

/// The one of `names` that `given` is most likely a slip of, if any is close enough to be worth saying.
pub fn closest<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    // A third of the letters may be wrong: `ordrs` is `orders`, but `a` is not `b`.
    let most = (given.chars().count() / 3).clamp(1, 4);
    names
        .into_iter()
        .map(|name| (distance(&given, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= most && *distance < name.chars().count())
        .min()
        .map(|(_, name)| name)
}

/// "did you mean `orders`?", or the list to choose from.
pub(crate) fn suggestion<'a>(given: &str, names: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(name) = closest(given, names.clone()) {
        return format!("did you mean `{name}`?");
    }
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "there are none".into() } else { format!("there are: {}", names.join(", ")) }
}

/// Letters to insert, remove, replace or swap with their neighbour, to get from one to the other.
pub(crate) fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    let mut before = vec![0; to.len() + 1];
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1; to.len() + 1];
        for (j, b) in to.iter().enumerate() {
            let replaced = last[j] + usize::from(a != b);
            row[j + 1] = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                row[j + 1] = row[j + 1].min(before[j - 1] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_of_neighbours_is_one_slip() {
        assert_eq!(distance("psot", "post"), 1);
        assert_eq!(distance("posts", "post"), 1);
        assert_eq!(distance("", "post"), 4);
        assert_eq!(distance("orders", "orders"), 0);
    }

    #[test]
    fn only_a_near_name_is_suggested() {
        assert_eq!(closest("ordrs", ["orders", "payments"]), Some("orders"));
        assert_eq!(closest("Topics", ["topics"]), Some("topics"));
        assert_eq!(closest("cats", ["orders", "payments"]), None);
        assert_eq!(closest("a", ["b"]), None);
    }
}
