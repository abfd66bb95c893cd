//! Feeds one target, named by `FUZZ_TARGET`, with what libFuzzer finds. Everything else is on libFuzzer's command line.

#![no_main]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::OnceLock;

use less_fuzz::Target;

/// Twice a frame of the largest size, and room to read into: whatever the input, nobody asks for more at once.
const MOST_AT_ONCE: usize = (2 * 64 + 1) << 20;

/// Whoever asks for too much memory at once is a finding, also when it is never touched.
struct Bounded;

#[global_allocator]
static BOUNDED: Bounded = Bounded;

// SAFETY: the system's allocator, asked for the same; or none, which ends the process.
unsafe impl GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() > MOST_AT_ONCE { std::ptr::null_mut() } else { unsafe { System.alloc(layout) } }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        unsafe { System.dealloc(place, layout) }
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    static TARGET: OnceLock<Target> = OnceLock::new();
    let target = TARGET.get_or_init(|| {
        let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
        less_fuzz::target(&name).unwrap_or_else(|| panic!("no target is named {name:?}"))
    });
    target(data);
});
