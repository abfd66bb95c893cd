//! What a file's name says of it: its type, whether compressing it is worth the while, and whether it names its content.

use mime_guess::Mime;
use mime_guess::mime::{self, Name};

/// Compressing less saves nothing that anybody notices; more takes too long while somebody waits.
const WORTH_COMPRESSING: std::ops::RangeInclusive<u64> = 512..=16 << 20;

/// Binary types that are not compressed in themselves.
const LOOSE: [&str; 6] =
    ["application/wasm", "application/vnd.ms-fontobject", "font/otf", "font/ttf", "image/bmp", "image/x-icon"];

/// Words between a hash and the extension: `main.8d2f1c0a.chunk.js`.
const AFTER_HASHES: [&str; 6] = ["bundle", "chunk", "legacy", "lazy", "min", "module"];
/// Written by build tools more often than by hand, so that more of their names are taken for hashed ones.
const CODE: [&str; 3] = ["js", "mjs", "css"];
const HASH: std::ops::RangeInclusive<usize> = 8..=64;

/// For `content-type`: `text/html; charset=utf-8`. JSON is UTF-8 by definition.
pub(crate) fn content_type(name: &str) -> String {
    let kind = of(name);
    // The one of its several types that is meant to be used (RFC 9239).
    if is(&kind, mime::JAVASCRIPT) {
        return "text/javascript; charset=utf-8".to_owned();
    }
    let is_known = kind.get_param(mime::CHARSET).is_some() || is(&kind, mime::JSON);
    if is_text(&kind) && !is_known { format!("{}; charset=utf-8", kind.essence_str()) } else { kind.to_string() }
}

pub(crate) fn is_worth_compressing(name: &str, bytes: u64) -> bool {
    let kind = of(name);
    WORTH_COMPRESSING.contains(&bytes) && (is_text(&kind) || LOOSE.contains(&kind.essence_str()))
}

fn of(name: &str) -> Mime {
    // A source map, which the table does not know.
    let kind = if name.ends_with(".map") { Some(mime::APPLICATION_JSON) } else { None };
    kind.unwrap_or_else(|| mime_guess::from_path(name).first_or_octet_stream())
}

fn is_text(kind: &Mime) -> bool {
    kind.type_() == mime::TEXT || [mime::JAVASCRIPT, mime::JSON, mime::XML].iter().any(|name| is(kind, *name))
}

/// `application/json`, `application/manifest+json`
fn is(kind: &Mime, name: Name<'_>) -> bool {
    kind.subtype() == name || kind.suffix().is_some_and(|suffix| suffix == name)
}

/// Whether a build tool has put a hash of the content into the name, so that another content has another name and this
/// one may be kept for ever: `index-Bx3f9a2c.js`, `main.8d2f1c0a.chunk.css`. A name that only looks so would be stale for a
/// year, one that is not recognised is only asked for again: in doubt it is not hashed.
pub(crate) fn is_hashed(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    let file = file.strip_suffix(".map").unwrap_or(file);
    let Some((mut stem, extension)) = file.rsplit_once('.') else { return false };
    if matches!(extension, "html" | "htm") {
        return false;
    }
    while let Some((before, _)) = stem.rsplit_once('.').filter(|(_, last)| AFTER_HASHES.contains(last)) {
        stem = before;
    }
    let last = stem.rsplit('.').next().unwrap_or(stem);
    let tail = last.rsplit('-').next().unwrap_or(last);
    let is_whole_name = tail.len() == stem.len();
    let hex = is_hex(tail) && (!is_whole_name || tail.len() >= 16);
    hex || CODE.contains(&extension) && ends_in_short_hash(stem)
}

/// 8 or more digits of a number in base 16. Digits alone are more often a date, and so are those before one last letter.
fn is_hex(token: &str) -> bool {
    HASH.contains(&token.len())
        && token.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && token.bytes().any(|byte| byte.is_ascii_digit())
        && token.bytes().rev().skip(1).any(|byte| byte.is_ascii_alphabetic())
}

/// Eight characters after a `-` or a dot that no word has: of both cases (Vite, Rollup) or capitals (esbuild), and a digit
/// in front of a letter.
fn ends_in_short_hash(stem: &str) -> bool {
    let Some((before, token)) = stem.len().checked_sub(8).and_then(|at| stem.split_at_checked(at)) else {
        return false;
    };
    let bytes = token.as_bytes();
    let has = |is: fn(&u8) -> bool| bytes.iter().any(is);
    let digit_first = bytes.windows(2).any(|pair| pair[0].is_ascii_digit() && pair[1].is_ascii_alphabetic());
    let mixed = has(u8::is_ascii_lowercase)
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let capitals = bytes.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    before.ends_with(['-', '.']) && has(u8::is_ascii_uppercase) && digit_first && (mixed || capitals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_hash_of_the_content_are_recognised() {
        for name in [
            "assets/index-Bx3f9a2c.js",     // Vite
            "assets/index-D9wr-g_a.css",    // Vite
            "assets/index-Bx3f9a2c.js.map", //
            "main.8d2f1c0a.css",            // webpack
            "static/js/main.8d2f1c0a.js",   // Create React App
            "static/js/787.28cb0dcd.chunk.js",
            "static/media/logo.6ce24c58023cc2f8fd88fe9d219db6c6.svg",
            "_next/static/chunks/webpack-4f1c2e9a7b3d5f60.js", // Next.js
            "_next/static/chunks/04a1b2c3d4e5f6a7.js",
            "_next/static/media/2d141e1a38819612-s.p.8d2f1c0a.woff2",
            "_astro/index.Bx3f9a2c.css",              // Astro
            "_app/immutable/entry/start.Cf3a1b2c.js", // SvelteKit
            "app-5A2LQW7K.js",                        // esbuild, Angular
            "app-0a1b2c3d4e5f6a7b8c9d.js",            // Gatsby
            "runtime~main.8d2f1c0a.js",               // Docusaurus
            "main.8d2f1c0a.min.js",
            "fonts/inter-8d2f1c0a.woff2",
        ] {
            assert!(is_hashed(name), "{name}");
        }
    }

    #[test]
    fn other_names_are_not_taken_for_hashed_ones() {
        for name in [
            "index.html",
            "index-Bx3f9a2c.html",
            "main.js",
            "sw.js",
            "jquery-3.7.1.min.js",
            "bootstrap.bundle.min.js",
            "about-us.css",
            "vendor-template.js",
            "index-UserList.js",
            "index-Download.js",
            "index-version2.js",
            "index-Version2.js",
            "chapter-Chapter1.css",
            "report-20240131.pdf",
            "photo.20240131.jpg",
            "IMG_20240131.jpg",
            "photo-20240131a.jpg",
            "My-Q4-Sales.pdf",
            "deadbeef.js",
            "cafebabe1.js",
            "8d2f1c0a.js",
            "a-deadbeef.js",
            "Bx3f9a2c.js",
            "8d2f1c0a",
            "manifest.webmanifest",
            ".8d2f1c0a",
            "",
        ] {
            assert!(!is_hashed(name), "{name}");
        }
    }

    #[test]
    fn types_are_told_by_extension_and_text_has_a_charset() {
        for (name, kind) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a/app.js", "text/javascript; charset=utf-8"),
            ("app.mjs", "text/javascript; charset=utf-8"),
            ("style.CSS", "text/css; charset=utf-8"),
            ("data.json", "application/json"),
            ("app.js.map", "application/json"),
            ("site.webmanifest", "application/manifest+json"),
            ("logo.svg", "image/svg+xml; charset=utf-8"),
            ("feed.xml", "text/xml; charset=utf-8"),
            ("robots.txt", "text/plain; charset=utf-8"),
            ("app.wasm", "application/wasm"),
            ("font.woff2", "font/woff2"),
            ("logo.png", "image/png"),
            ("photo.avif", "image/avif"),
            ("favicon.ico", "image/x-icon"),
            ("film.mp4", "video/mp4"),
            ("paper.pdf", "application/pdf"),
            ("app.js.br", "application/octet-stream"),
            ("LICENSE", "application/octet-stream"),
        ] {
            assert_eq!(content_type(name), kind, "{name}");
        }
    }

    #[test]
    fn what_is_small_huge_or_compressed_already_is_left_as_it_is() {
        for name in ["a.html", "a.js", "a.json", "a.svg", "a.wasm", "a.ttf"] {
            assert!(is_worth_compressing(name, 10_000), "{name}");
            assert!(!is_worth_compressing(name, 100) && !is_worth_compressing(name, 1 << 30), "{name}");
        }
        for name in ["a.png", "a.woff2", "a.mp4", "a.zip", "a"] {
            assert!(!is_worth_compressing(name, 10_000), "{name}");
        }
    }
}
