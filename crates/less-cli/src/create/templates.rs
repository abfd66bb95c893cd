//! What is in a new file: a template for each kind of handler and language, with words like `{{topic}}` filled in.

use less_project::{Language, ResourceName};

/// A language that there are templates in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coded {
    JavaScript,
    TypeScript,
    Python,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Template {
    Get,
    /// Post, put and patch.
    Body,
    Delete,
    Connect,
    Disconnect,
    Channel,
    Subscriber,
    Cron,
    Module,
    Function,
    /// Of a new project.
    InitPost,
    InitConfirm,
    InitPrepare,
}

/// Of one kind: JavaScript, TypeScript, Python.
macro_rules! texts {
    ($name:literal) => {
        [
            include_str!(concat!("../../templates/js/", $name, ".js")),
            include_str!(concat!("../../templates/ts/", $name, ".ts")),
            include_str!(concat!("../../templates/py/", $name, ".py")),
        ]
    };
}

impl Template {
    fn texts(self) -> [&'static str; 3] {
        match self {
            Self::Get => texts!("get"),
            Self::Body => texts!("body"),
            Self::Delete => texts!("delete"),
            Self::Connect => texts!("connect"),
            Self::Disconnect => texts!("disconnect"),
            Self::Channel => texts!("channel"),
            Self::Subscriber => texts!("subscriber"),
            Self::Cron => texts!("cron"),
            Self::Module => texts!("module"),
            Self::Function => texts!("function"),
            Self::InitPost => texts!("init_post"),
            Self::InitConfirm => texts!("init_confirm"),
            Self::InitPrepare => texts!("init_prepare"),
        }
    }
}

/// Words that Python does not take after a dot.
const KEYWORDS: &str = "False None True and as assert async await break class continue def del elif else except finally \
    for from global if import in is lambda nonlocal not or pass raise return try while with yield";

impl Coded {
    pub(crate) const ALL: [Self; 3] = [Self::JavaScript, Self::TypeScript, Self::Python];

    /// None for a language without templates.
    pub(crate) fn of(language: Language) -> Option<Self> {
        match language {
            Language::JavaScript => Some(Self::JavaScript),
            Language::TypeScript => Some(Self::TypeScript),
            Language::Python => Some(Self::Python),
            Language::Go | Language::Rust => None,
        }
    }

    pub(crate) fn language(self) -> Language {
        match self {
            Self::JavaScript => Language::JavaScript,
            Self::TypeScript => Language::TypeScript,
            Self::Python => Language::Python,
        }
    }

    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::JavaScript => "js",
            Self::TypeScript => "ts",
            Self::Python => "py",
        }
    }

    /// For people who choose one.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::JavaScript => "js (JavaScript)",
            Self::TypeScript => "ts (TypeScript)",
            Self::Python => "py (Python)",
        }
    }

    /// The handler's file in `folder`.
    pub(super) fn index(self, folder: &str) -> String {
        let stem = if self == Self::Python { "__init__" } else { "index" };
        format!("{folder}/{stem}.{}", self.extension())
    }

    /// How code reaches what has this name: `.user_created`.
    pub(super) fn member(self, name: &ResourceName) -> String {
        if self == Self::Python && KEYWORDS.split_whitespace().any(|keyword| keyword == name.as_ref()) {
            return format!("['{name}']");
        }
        // The SDK takes - and _ for the same.
        format!(".{}", name.as_ref().replace('-', "_"))
    }

    pub(super) fn text(self, template: Template, words: &[(&str, &str)]) -> String {
        let [javascript, typescript, python] = template.texts();
        let text = match self {
            Self::JavaScript => javascript,
            Self::TypeScript => typescript,
            Self::Python => python,
        };
        filled(text, words)
    }
}

pub(super) fn filled(text: &str, words: &[(&str, &str)]) -> String {
    words.iter().fold(text.to_owned(), |text, (name, word)| text.replace(&format!("{{{{{name}}}}}"), word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_as_its_language_wants() {
        let name = |given| ResourceName::parse(given).unwrap();
        assert_eq!(Coded::Python.member(&name("class")), "['class']");
        assert_eq!(Coded::JavaScript.member(&name("class")), ".class");
        assert_eq!(Coded::TypeScript.member(&name("a-b")), ".a_b");
    }

    #[test]
    fn every_word_is_filled_in() {
        assert_eq!(filled("{{a}} {{b}} {{a}}", &[("a", "1"), ("b", "{{a}}")]), "1 {{a}} 1");
    }
}
