//! Text in colours, for terminals. Pure.

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Dim,
    Red,
    Green,
    Yellow,
    /// Whoever has this name: always the same.
    Service(u8),
}

/// Colours that can be told apart from one another, and from red, green and yellow, on dark and on light ground.
const SERVICES: [u8; 6] = [34, 35, 36, 94, 95, 96];

impl Style {
    /// The colour of a name.
    pub(crate) fn of(name: &str) -> Self {
        // FNV: the same on every machine and in every run.
        let hash = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        // Its low bits are those of the last letters, and names of services end alike.
        let mixed = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let at = usize::try_from(mixed % SERVICES.len() as u64).unwrap_or_default();
        Self::Service(SERVICES[at])
    }

    pub(crate) fn paint(self, text: &str) -> String {
        let code = match self {
            Self::Plain => return text.to_owned(),
            Self::Dim => 90,
            Self::Red => 91,
            Self::Green => 92,
            Self::Yellow => 93,
            Self::Service(code) => code,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) style: Style,
    pub(crate) text: String,
}

impl Span {
    pub(crate) fn new(style: Style, text: impl Into<String>) -> Self {
        Self { style, text: text.into() }
    }

    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self::new(Style::Plain, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_colour_and_names_differ() {
        assert_eq!(Style::of("payment_service"), Style::of("payment_service"));
        let names = ["orders", "payment", "restaurant", "loyalty", "notification", "delivery", "users", "chat"];
        let colours: std::collections::BTreeSet<String> = names.iter().map(|name| Style::of(name).paint("x")).collect();
        assert!(colours.len() >= 4, "{colours:?}");
    }
}
