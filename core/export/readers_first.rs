//! A rwlock that lets readers in as long as no writer holds it, also while one waits: that of the C library, which std was
//! built on under Linux up to Rust 1.61, and still is on other systems. With a guard, and poisoned, as std's is.

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};

/// As large as that of any Linux; all zeros is one that is free and prefers readers.
#[repr(C, align(16))]
struct Raw([u8; 64]);
extern "C" {
    fn pthread_rwlock_rdlock(lock: *mut Raw) -> i32;
    fn pthread_rwlock_tryrdlock(lock: *mut Raw) -> i32;
    fn pthread_rwlock_wrlock(lock: *mut Raw) -> i32;
    fn pthread_rwlock_trywrlock(lock: *mut Raw) -> i32;
    fn pthread_rwlock_unlock(lock: *mut Raw) -> i32;
}
pub struct RwLock<T> {
    raw: UnsafeCell<Raw>, // not to be moved once it was locked
    poisoned: AtomicBool,
    value: UnsafeCell<T>,
}
unsafe impl<T: Send> Send for RwLock<T> {}
unsafe impl<T: Send + Sync> Sync for RwLock<T> {}
pub struct Guard<'a, T> {
    lock: &'a RwLock<T>,
    writes: bool,
    panicking: bool,
    stays: PhantomData<*const ()>, // is not Send
}
unsafe impl<T: Sync> Sync for Guard<'_, T> {}
pub struct WriteGuard<'a, T>(Guard<'a, T>);

impl<T> RwLock<T> {
    pub fn new(value: T) -> RwLock<T> {
        RwLock { raw: UnsafeCell::new(Raw([0; 64])), poisoned: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }
    pub fn is_poisoned(&self) -> bool {
        self.poisoned.load(SeqCst)
    }
    fn guard(&self, writes: bool) -> LockResult<Guard<'_, T>> {
        let guard = Guard { lock: self, writes, panicking: std::thread::panicking(), stays: PhantomData };
        if self.is_poisoned() { Err(PoisonError::new(guard)) } else { Ok(guard) }
    }
    /// A thread that holds it for writing gets an error instead of standing still for ever.
    fn waits(result: i32) {
        if result != 0 {
            crate::support::block_for_ever()
        }
    }
    pub fn read(&self) -> LockResult<Guard<'_, T>> {
        Self::waits(unsafe { pthread_rwlock_rdlock(self.raw.get()) });
        self.guard(false)
    }
    pub fn try_read(&self) -> TryLockResult<Guard<'_, T>> {
        match unsafe { pthread_rwlock_tryrdlock(self.raw.get()) } {
            0 => Ok(self.guard(false)?),
            _ => Err(TryLockError::WouldBlock),
        }
    }
    pub fn write(&self) -> LockResult<WriteGuard<'_, T>> {
        Self::waits(unsafe { pthread_rwlock_wrlock(self.raw.get()) });
        self.guard(true).map(WriteGuard).map_err(|poisoned| PoisonError::new(WriteGuard(poisoned.into_inner())))
    }
    pub fn try_write(&self) -> TryLockResult<WriteGuard<'_, T>> {
        match unsafe { pthread_rwlock_trywrlock(self.raw.get()) } {
            0 => match self.guard(true) {
                Ok(guard) => Ok(WriteGuard(guard)),
                Err(poisoned) => Err(PoisonError::new(WriteGuard(poisoned.into_inner())).into()),
            },
            _ => Err(TryLockError::WouldBlock),
        }
    }
}
impl<T> crate::support::Seen for RwLock<T> {
    fn seen(&self) -> String {
        (if self.is_poisoned() { "poisoned" } else { "not poisoned" }).to_string()
    }
}
impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        if self.writes && !self.panicking && std::thread::panicking() {
            self.lock.poisoned.store(true, SeqCst)
        }
        unsafe { pthread_rwlock_unlock(self.lock.raw.get()) };
    }
}
impl<T> Deref for Guard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        unsafe { &*self.lock.value.get() }
    }
}
impl<T> Deref for WriteGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}
impl<T> DerefMut for WriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        unsafe { &mut *self.0.lock.value.get() }
    }
}
