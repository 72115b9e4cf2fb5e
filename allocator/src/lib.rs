//! The memory allocator of Cubby: mimalloc, which is faster than the system's for many small values
//! that one thread allocates and another frees, as requests do.

pub use mimalloc::MiMalloc;

/// Returns free memory to the operating system.
///
/// The allocator does so by itself only while the program allocates, so an idle server would keep
/// the memory of its busiest time.
#[expect(unsafe_code, reason = "the allocator's interface is in C")]
pub fn return_free_memory() {
    // SAFETY: mi_collect has no preconditions; any thread may call it at any time.
    unsafe { libmimalloc_sys::mi_collect(true) };
}
