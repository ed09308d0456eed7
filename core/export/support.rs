//! What the exported scenarios share: parties and what they do, a watchdog that tells of a hang, small helpers.
#![allow(dead_code)]

use std::cell::{RefCell, UnsafeCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

// ---- how a body ends ---------------------------------------------------------------------------------------------

/// A body returns a number, or has ended as failed.
pub type Out = Result<i64, Fail>;
#[derive(Debug, Clone, Copy)]
pub struct Fail;
pub fn out(value: i64) -> Out {
    Ok(value)
}
pub fn failed() -> Out {
    Err(Fail)
}
/// What awaiting a task says: its number, or that it failed, panicked or was cancelled.
pub fn joined(result: Result<Out, tokio::task::JoinError>) -> Result<i64, String> {
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(Fail)) => Err("Fail".to_string()),
        Err(error) => Err(error.to_string()),
    }
}
pub fn joined_thread(result: std::thread::Result<Out>) -> Result<i64, String> {
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(Fail)) => Err("Fail".to_string()),
        Err(_) => Err("the thread panicked".to_string()),
    }
}

// ---- shared things -----------------------------------------------------------------------------------------------

/// Shared for good, as in an `Arc` that nobody drops last.
pub fn shared<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}
pub fn shared_array<T>(count: i64, make: impl Fn() -> T) -> &'static [T] {
    Vec::leak((0..count).map(|_| make()).collect())
}
/// What can be seen of something shared without an end or a guard of it.
pub trait Seen {
    fn seen(&self) -> String;
}
impl<T> Seen for std::sync::Mutex<T> {
    fn seen(&self) -> String {
        (if self.is_poisoned() { "poisoned" } else { "not poisoned" }).to_string()
    }
}
impl<T> Seen for std::sync::RwLock<T> {
    fn seen(&self) -> String {
        (if self.is_poisoned() { "poisoned" } else { "not poisoned" }).to_string()
    }
}
impl<T> Seen for std::sync::OnceLock<T> {
    fn seen(&self) -> String {
        (if self.get().is_some() { "initialised" } else { "empty" }).to_string()
    }
}
impl<T> Seen for tokio::sync::OnceCell<T> {
    fn seen(&self) -> String {
        (if self.initialized() { "initialised" } else { "empty" }).to_string()
    }
}
impl<T> Seen for tokio::sync::Mutex<T> {
    fn seen(&self) -> String {
        (if self.try_lock().is_ok() { "free" } else { "locked" }).to_string()
    }
}
impl<T> Seen for tokio::sync::RwLock<T> {
    fn seen(&self) -> String {
        if self.try_write().is_ok() {
            return "free".to_string();
        }
        (if self.try_read().is_ok() { "read" } else { "no reader may come" }).to_string()
    }
}
impl Seen for tokio::sync::Semaphore {
    fn seen(&self) -> String {
        // What `forget_permits` finds in a closed one differs between releases.
        if self.is_closed() { "closed".to_string() } else { format!("{} permits", self.available_permits()) }
    }
}
impl Seen for tokio::sync::Notify {
    fn seen(&self) -> String {
        let nobody = Waker::from(Arc::new(Nobody));
        let has_permit = Box::pin(self.notified()).as_mut().poll(&mut Context::from_waker(&nobody)).is_ready();
        (if has_permit { "a permit" } else { "no permit" }).to_string()
    }
}
struct Nobody;
impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}
struct ToldObject {
    name: String,
    object: &'static dyn Seen,
}
// Looked at when nobody goes on, or main has ended.
unsafe impl Send for ToldObject {}
/// Shared, and what is seen of it at the end is told.
pub fn told<T: Seen>(name: &str, value: T) -> &'static T {
    let object = shared(value);
    lock(&TOLD).push(ToldObject { name: name.to_string(), object });
    object
}
pub fn told_array<T: Seen>(name: &str, count: i64, make: impl Fn() -> T) -> &'static [T] {
    let objects = shared_array(count, make);
    for (k, object) in objects.iter().enumerate() {
        lock(&TOLD).push(ToldObject { name: format!("{name}[{k}]"), object });
    }
    objects
}
/// What a lock holds. It falls with the last of the lock's shares, which whoever mentions the lock has, as if in an `Arc`.
pub struct Content<T: 'static>(&'static UnsafeCell<ManuallyDrop<T>>);
unsafe impl<T: Send> Send for Content<T> {}
unsafe impl<T: Sync> Sync for Content<T> {}
impl<T> Deref for Content<T> {
    type Target = T;
    fn deref(&self) -> &T {
        unsafe { &*self.0.get() }
    }
}
impl<T> DerefMut for Content<T> {
    fn deref_mut(&mut self) -> &mut T {
        unsafe { &mut *self.0.get() }
    }
}
struct Falls<T: 'static>(&'static UnsafeCell<ManuallyDrop<T>>);
impl<T> Drop for Falls<T> {
    fn drop(&mut self) {
        unsafe { ManuallyDrop::drop(&mut *self.0.get()) }
    }
}
trait Anything {}
impl<T> Anything for T {}
#[derive(Clone)]
pub struct Share(Arc<dyn Anything>);
// The lock itself says who may get at what it holds.
unsafe impl Send for Share {}
unsafe impl Sync for Share {}
pub fn content<T>(value: T) -> (Content<T>, Share) {
    let place: &'static UnsafeCell<ManuallyDrop<T>> = shared(UnsafeCell::new(ManuallyDrop::new(value)));
    (Content(place), Share(Arc::new(Falls(place))))
}
/// The receiver of a channel. Wherever it has gone, at the end it is told what is left for it.
pub struct Rx<R> {
    at: Arc<Place<R>>,
    like: PhantomData<R>,
}
enum Contents<R> {
    There(R),
    Dropped,
    Taken,
}
struct Place<R>(UnsafeCell<Contents<R>>);
// Others look at it only when nobody goes on, or main has ended.
unsafe impl<R> Send for Place<R> {}
unsafe impl<R> Sync for Place<R> {}
struct Left(String, Box<dyn Fn() -> Option<String>>);
unsafe impl Send for Left {}
impl<R: 'static> Rx<R> {
    /// One of several receivers says nothing once it is dropped.
    fn told(name: String, rx: R, is_only: bool, left: impl Fn(&mut R) -> String + 'static) -> Rx<R> {
        let at = Arc::new(Place(UnsafeCell::new(Contents::There(rx))));
        let seen = at.clone();
        let look = move || match unsafe { &mut *seen.0.get() } {
            Contents::There(rx) => Some(left(rx)),
            Contents::Dropped => Some("no receiver".to_string()).filter(|_| is_only),
            Contents::Taken => None,
        };
        lock(&LEFT).push(Left(name, Box::new(look)));
        Rx { at, like: PhantomData }
    }
}
impl<R> Rx<R> {
    pub fn into_inner(self) -> R {
        match std::mem::replace(unsafe { &mut *self.at.0.get() }, Contents::Taken) {
            Contents::There(rx) => rx,
            _ => unreachable!(),
        }
    }
}
impl<R> Drop for Rx<R> {
    fn drop(&mut self) {
        let place = unsafe { &mut *self.at.0.get() };
        if matches!(place, Contents::There(_)) {
            drop(std::mem::replace(place, Contents::Dropped))
        }
    }
}
impl<R> Deref for Rx<R> {
    type Target = R;
    fn deref(&self) -> &R {
        match unsafe { &*self.at.0.get() } {
            Contents::There(rx) => rx,
            _ => unreachable!(),
        }
    }
}
impl<R> DerefMut for Rx<R> {
    fn deref_mut(&mut self) -> &mut R {
        match unsafe { &mut *self.at.0.get() } {
            Contents::There(rx) => rx,
            _ => unreachable!(),
        }
    }
}
impl<R: Future + Unpin> Future for Rx<R> {
    type Output = R::Output;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R::Output> {
        Pin::new(&mut **self).poll(cx)
    }
}
// What the messages own is left alone: nobody drops it.
fn count<T>(most: usize, mut next: impl FnMut() -> Option<T>) -> usize {
    (0..most).take_while(|_| next().map(std::mem::forget).is_some()).count()
}
/// A channel, and what is left in it at the end is told.
pub trait Told {
    type Ends;
    fn told_as(self, name: String) -> Self::Ends;
}
pub fn told_channel<C: Told>(name: impl Into<String>, channel: C) -> C::Ends {
    channel.told_as(name.into())
}
impl<T: 'static> Told for (tokio::sync::mpsc::Sender<T>, tokio::sync::mpsc::Receiver<T>) {
    type Ends = (tokio::sync::mpsc::Sender<T>, Rx<tokio::sync::mpsc::Receiver<T>>);
    fn told_as(self, name: String) -> Self::Ends {
        let (all, weak) = (self.0.max_capacity(), self.0.downgrade());
        // A sender that waits for room would go on if a message were taken out.
        let free = move |rx: &mut tokio::sync::mpsc::Receiver<T>| match weak.upgrade() {
            Some(tx) => tx.capacity(),
            None => all - count(all, || rx.try_recv().ok()),
        };
        (self.0, Rx::told(name, self.1, true, move |rx| format!("{} places free", free(rx))))
    }
}
impl<T: 'static> Told for (tokio::sync::mpsc::UnboundedSender<T>, tokio::sync::mpsc::UnboundedReceiver<T>) {
    type Ends = (tokio::sync::mpsc::UnboundedSender<T>, Rx<tokio::sync::mpsc::UnboundedReceiver<T>>);
    fn told_as(self, name: String) -> Self::Ends {
        (self.0, Rx::told(name, self.1, true, |rx| format!("{} messages", count(usize::MAX, || rx.try_recv().ok()))))
    }
}
impl<T: 'static> Told for (tokio::sync::oneshot::Sender<T>, tokio::sync::oneshot::Receiver<T>) {
    type Ends = (tokio::sync::oneshot::Sender<T>, Rx<tokio::sync::oneshot::Receiver<T>>);
    fn told_as(self, name: String) -> Self::Ends {
        (self.0, Rx::told(name, self.1, true, |rx| format!("{} messages", count(1, || rx.try_recv().ok()))))
    }
}
impl<T: 'static> Told for (std::sync::mpsc::Sender<T>, std::sync::mpsc::Receiver<T>) {
    type Ends = (std::sync::mpsc::Sender<T>, Rx<std::sync::mpsc::Receiver<T>>);
    fn told_as(self, name: String) -> Self::Ends {
        (self.0, Rx::told(name, self.1, true, |rx| format!("{} messages", count(usize::MAX, || rx.try_recv().ok()))))
    }
}
/// A broadcast of which each receiver tells how many it has not seen. Their room is a power of two.
pub struct Heard<T>(tokio::sync::broadcast::Sender<T>, tokio::sync::broadcast::Receiver<T>, usize);
impl<T: Clone + 'static> Told for Heard<T> {
    type Ends = (tokio::sync::broadcast::Sender<T>, Rx<tokio::sync::broadcast::Receiver<T>>);
    fn told_as(self, name: String) -> Self::Ends {
        (self.0, told_receiver(name, self.2, self.1))
    }
}
pub fn heard<T: Clone>(room: usize) -> Heard<T> {
    let (tx, rx) = tokio::sync::broadcast::channel(room);
    Heard(tx, rx, room)
}
pub fn told_receiver<T: Clone + 'static>(
    name: impl Into<String>,
    room: usize,
    rx: tokio::sync::broadcast::Receiver<T>,
) -> Rx<tokio::sync::broadcast::Receiver<T>> {
    let room = room.next_power_of_two();
    let unseen = move |count: usize| if count > room { "lagged".to_string() } else { format!("{count} unseen") };
    Rx::told(name.into(), rx, false, move |rx| unseen(rx.len()))
}
/// With room for so many: whoever waits for some begins no op after it.
pub struct Bounded<T>(pub std::sync::mpsc::SyncSender<T>, pub std::sync::mpsc::Receiver<T>, pub usize);
impl<T: 'static> Told for Bounded<T> {
    type Ends = (std::sync::mpsc::SyncSender<T>, Rx<std::sync::mpsc::Receiver<T>>);
    fn told_as(self, name: String) -> Self::Ends {
        let all = self.2;
        (self.0, Rx::told(name, self.1, true, move |rx| format!("{} messages", count(all, || rx.try_recv().ok()))))
    }
}
pub fn bounded<T>(room: usize) -> Bounded<T> {
    let (tx, rx) = std::sync::mpsc::sync_channel(room);
    Bounded(tx, rx, room)
}
/// An atomic whose value at the end is told.
pub fn atomic(name: &str, value: i64) -> &'static AtomicI64 {
    let atomic = shared(AtomicI64::new(value));
    lock(&VALUES).push((name.to_string(), atomic));
    atomic
}
pub fn atomic_array(name: &str, count: i64, value: i64) -> Vec<&'static AtomicI64> {
    (0..count).map(|k| atomic(&format!("{name}[{k}]"), value)).collect()
}
/// An integer of one body.
pub struct Local(AtomicI64);
impl Local {
    pub fn new(value: i64) -> Local {
        Local(AtomicI64::new(value))
    }
    pub fn get(&self) -> i64 {
        self.0.load(SeqCst)
    }
    pub fn set(&self, value: i64) {
        self.0.store(value, SeqCst)
    }
    /// What a moved body starts with.
    pub fn copied(&self) -> Local {
        Local::new(self.get())
    }
}
/// Memory without synchronisation, whose value at the end is told.
pub struct RacyCell(UnsafeCell<i64>);
unsafe impl Sync for RacyCell {}
impl RacyCell {
    pub fn new(name: &str, value: i64) -> &'static RacyCell {
        let cell = shared(RacyCell(UnsafeCell::new(value)));
        lock(&CELLS).push((name.to_string(), cell));
        cell
    }
    pub fn array(name: &str, count: i64, value: i64) -> Vec<&'static RacyCell> {
        (0..count).map(|k| RacyCell::new(&format!("{name}[{k}]"), value)).collect()
    }
    pub fn read(&self) -> i64 {
        unsafe { self.0.get().read_volatile() }
    }
    pub fn write(&self, value: i64) {
        unsafe { self.0.get().write_volatile(value) }
    }
}
/// Set once, by the body that builds a runtime.
pub struct Later<T>(Mutex<Option<T>>);
impl<T: Clone + 'static> Later<T> {
    pub fn new() -> Later<T> {
        Later(Mutex::new(None))
    }
    pub fn set(&self, value: T) {
        *lock(&self.0) = Some(value);
    }
    pub fn get(&self) -> &'static T {
        shared(lock(&self.0).clone().expect("it has not been built"))
    }
}
/// A value whose destructor does something.
pub struct OnDrop<'a>(Option<Box<dyn FnOnce() + Send + 'a>>);
// Nobody gets at the body before the drop, which has it alone.
unsafe impl Sync for OnDrop<'_> {}
impl<'a> OnDrop<'a> {
    pub fn new(body: impl FnOnce() + Send + 'a) -> OnDrop<'a> {
        OnDrop(Some(Box::new(body)))
    }
}
impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        if let Some(body) = self.0.take() {
            fall(body)
        }
    }
}
/// The same, of a value that is not `Send`.
pub struct LocalOnDrop<'a>(Option<Box<dyn FnOnce() + 'a>>);
impl<'a> LocalOnDrop<'a> {
    pub fn new(body: impl FnOnce() + 'a) -> LocalOnDrop<'a> {
        LocalOnDrop(Some(Box::new(body)))
    }
}
impl Drop for LocalOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(body) = self.0.take() {
            fall(body)
        }
    }
}
impl std::fmt::Debug for OnDrop<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnDrop")
    }
}
/// What was got, and whether nothing was.
pub fn attempt<T>(got: Option<T>) -> (Option<T>, bool) {
    let missed = got.is_none();
    (got, missed)
}
pub fn used<T: ?Sized>(_: &T) {}

// ---- parties: threads, tasks and closures, what they are in and what they hold -----------------------------------

struct Party {
    name: String,
    at: Mutex<(&'static str, &'static str)>,
    before: Mutex<Vec<&'static str>>, // ops that it came to before; of many the last ones
    holds: Mutex<Vec<(u64, &'static str)>>,
    on_thread: AtomicBool,
    woken: AtomicBool,
    ended: AtomicBool,
    events: AtomicU64, // how often it came to an op, suspended or ended
    thread: AtomicU64, // the kernel's number of the thread on which it last came to an op
}
static PARTIES: Mutex<Vec<Arc<Party>>> = Mutex::new(Vec::new());
static VALUES: Mutex<Vec<(String, &'static AtomicI64)>> = Mutex::new(Vec::new());
static CELLS: Mutex<Vec<(String, &'static RacyCell)>> = Mutex::new(Vec::new());
static TOLD: Mutex<Vec<ToldObject>> = Mutex::new(Vec::new());
static LEFT: Mutex<Vec<Left>> = Mutex::new(Vec::new());
static IS_OVER: AtomicBool = AtomicBool::new(false);
static STEPS: AtomicU64 = AtomicU64::new(0);
static PANICS: AtomicUsize = AtomicUsize::new(0);
thread_local! { static CURRENT: RefCell<Vec<Arc<Party>>> = RefCell::new(Vec::new()); }

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
fn new_party(name: String) -> Arc<Party> {
    let party = Arc::new(Party {
        name,
        at: Mutex::new(("", "")),
        before: Mutex::new(Vec::new()),
        holds: Mutex::new(Vec::new()),
        on_thread: AtomicBool::new(false),
        woken: AtomicBool::new(true),
        ended: AtomicBool::new(false),
        events: AtomicU64::new(0),
        thread: AtomicU64::new(0),
    });
    lock(&PARTIES).push(party.clone());
    party
}
fn current() -> Option<Arc<Party>> {
    CURRENT.try_with(|stack| stack.borrow().last().cloned()).ok().flatten()
}
struct Entered;
fn enter(party: &Arc<Party>) -> Entered {
    party.on_thread.store(true, SeqCst);
    CURRENT.with(|stack| stack.borrow_mut().push(party.clone()));
    Entered
}
impl Drop for Entered {
    fn drop(&mut self) {
        let party = CURRENT.try_with(|stack| stack.borrow_mut().pop()).ok().flatten();
        if let Some(party) = party {
            party.on_thread.store(false, SeqCst);
        }
    }
}
const REMEMBERED: usize = 16;
fn remember(before: &mut Vec<&'static str>, pointer: &'static str) {
    before.retain(|known| *known != pointer);
    if before.len() == REMEMBERED {
        before.remove(0);
    }
    before.push(pointer);
}
/// The party of this thread comes to an op: `pointer` is its place in the scenario.
pub fn op(pointer: &'static str, text: &'static str) {
    if IS_OVER.load(SeqCst) {
        block_for_ever() // what is told at the end is not to change meanwhile
    }
    let step = STEPS.fetch_add(1, SeqCst);
    if let Some(party) = current() {
        let (left, _) = std::mem::replace(&mut *lock(&party.at), (pointer, text));
        remember(&mut lock(&party.before), left);
        party.events.fetch_add(1, SeqCst);
        turn(&party, Some(pointer));
    }
    let seed = JITTER.load(SeqCst);
    if seed != 0 {
        let random = mix(seed ^ mix(step));
        match random % 8 {
            0 => std::thread::sleep(Duration::from_micros(random >> 8 & 0x7ff)),
            1 | 2 => std::thread::sleep(Duration::from_micros(random >> 8 & 0x7f)),
            3 | 4 => std::thread::yield_now(),
            _ => {}
        }
    }
}
/// What a value does as it falls. Whoever drops it stands where it stood before when that is over.
fn fall(body: impl FnOnce()) {
    let stood = current().map(|party| {
        let at = *lock(&party.at);
        (at, party)
    });
    body();
    if let Some((at, party)) = stood {
        if !IS_OVER.load(SeqCst) {
            *lock(&party.at) = at
        }
    }
}
/// A lock or permit that its party is seen to hold.
pub struct Held<G> {
    guard: Option<G>,
    name: &'static str,
    id: u64,
    party: Option<Arc<Party>>,
}
pub fn held<G>(name: &'static str, guard: G) -> Held<G> {
    let id = STEPS.fetch_add(1, SeqCst);
    let party = current();
    if let Some(party) = &party {
        lock(&party.holds).push((id, name));
    }
    Held { guard: Some(guard), name, id, party }
}
impl<G> Drop for Held<G> {
    fn drop(&mut self) {
        drop(self.guard.take());
        if let Some(party) = &self.party {
            lock(&party.holds).retain(|(id, _)| *id != self.id);
        }
    }
}
impl<G> std::fmt::Debug for Held<G> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}
impl<G: Deref> Deref for Held<G> {
    type Target = G::Target;
    fn deref(&self) -> &G::Target {
        self.guard.as_ref().unwrap()
    }
}
impl<G: DerefMut> DerefMut for Held<G> {
    fn deref_mut(&mut self) -> &mut G::Target {
        self.guard.as_mut().unwrap()
    }
}
impl<T> Held<MutexGuard<'static, T>> {
    /// `guard = condvar.wait(guard)?`
    pub fn wait_on(&mut self, condvar: &Condvar) -> Result<(), &'static str> {
        match condvar.wait(self.guard.take().unwrap()) {
            Ok(guard) => {
                self.guard = Some(guard);
                Ok(())
            }
            Err(poisoned) => {
                self.guard = Some(poisoned.into_inner());
                Err("poisoned")
            }
        }
    }
    pub fn wait_timeout_on(&mut self, condvar: &Condvar, time: Duration) -> Result<(), &'static str> {
        match condvar.wait_timeout(self.guard.take().unwrap(), time) {
            Ok((guard, result)) => {
                self.guard = Some(guard);
                if result.timed_out() { Err("elapsed") } else { Ok(()) }
            }
            Err(poisoned) => {
                self.guard = Some(poisoned.into_inner().0);
                Err("poisoned")
            }
        }
    }
}
/// A wait that was too long is no failure for whoever does not ask.
pub fn late(why: &'static str) -> Result<(), &'static str> {
    if why == "elapsed" { Ok(()) } else { Err(why) }
}
/// A closure that runs as a party of its own.
pub fn in_party(name: String, body: impl FnOnce() -> Out) -> impl FnOnce() -> Out {
    let party = new_party(name);
    let end = EndOf(party.clone());   // also of a closure that is dropped and never runs
    move || {
        let body = body; // before the end of the party, which comes when what it owns has fallen
        let _end = end;
        let _entered = enter(&party);
        body()
    }
}
struct EndOf(Arc<Party>);
impl Drop for EndOf {
    fn drop(&mut self) {
        self.0.ended.store(true, SeqCst);
        self.0.events.fetch_add(1, SeqCst);
    }
}
struct TellWake {
    party: Arc<Party>,
    waker: Waker,
}
impl Wake for TellWake {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref()
    }
    fn wake_by_ref(self: &Arc<Self>) {
        self.party.woken.store(true, SeqCst);
        self.waker.wake_by_ref()
    }
}
/// A task that is a party of its own: adds no await and no wake-up.
pub struct Tracked<F> {
    future: ManuallyDrop<F>,
    party: Arc<Party>,
    waker: Option<(Waker, Waker)>,
    maker: Option<(Arc<Party>, u64)>, // who spawns it, and its events until then
    needs_current: bool,              // it is spawned where there may be no runtime
}
pub fn tracked<F: Future<Output = Out>>(name: String, future: F) -> Tracked<F> {
    let maker = current().map(|party| (party.clone(), party.events.load(SeqCst)));
    Tracked { future: ManuallyDrop::new(future), party: new_party(name), waker: None, maker, needs_current: false }
}
/// For `tokio::spawn`, which has no runtime at hand.
pub fn tracked_here<F: Future<Output = Out>>(name: String, future: F) -> Tracked<F> {
    let mut task = tracked(name, future);
    task.needs_current = true;
    task
}
impl<F> Tracked<F> {
    /// The spawn itself panics, so this never was a task: whoever spawned it drops what it owns, in newer releases before.
    fn never_was(&self) -> bool {
        let is_making = |(maker, events): &(Arc<Party>, u64)| {
            maker.events.load(SeqCst) == *events && current().map_or(false, |party| Arc::ptr_eq(maker, &party))
        };
        let panics = std::thread::panicking()
            || self.needs_current && tokio::runtime::Handle::try_current().is_err();
        panics && self.waker.is_none() && self.maker.as_ref().map_or(false, is_making)
    }
}
impl<F: Future> Future for Tracked<F> {
    type Output = F::Output;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = unsafe { self.get_unchecked_mut() };
        if !matches!(&this.waker, Some((inner, _)) if inner.will_wake(cx.waker())) {
            let telling = TellWake { party: this.party.clone(), waker: cx.waker().clone() };
            this.waker = Some((cx.waker().clone(), Waker::from(Arc::new(telling))));
        }
        let party = this.party.clone();
        turn(&party, None);
        let _entered = enter(&party);
        party.woken.store(false, SeqCst);
        let future = unsafe { Pin::new_unchecked(&mut *this.future) };
        let result = future.poll(&mut Context::from_waker(&this.waker.as_ref().unwrap().1));
        if result.is_ready() {
            party.ended.store(true, SeqCst);
        }
        party.events.fetch_add(1, SeqCst);
        result
    }
}
impl<F> Drop for Tracked<F> {
    fn drop(&mut self) {
        let end = EndOf(self.party.clone());
        if self.never_was() {
            drop(end);
            unsafe { ManuallyDrop::drop(&mut self.future) };
            return;
        }
        let party = self.party.clone();
        let _entered = enter(&party);
        unsafe { ManuallyDrop::drop(&mut self.future) };
        drop(end);
    }
}
/// A task that others can abort, or see the end of, by `remote`.
pub struct Task<T>(Arc<UnsafeCell<tokio::task::JoinHandle<T>>>);
pub struct Remote<T>(Arc<UnsafeCell<tokio::task::JoinHandle<T>>>);
unsafe impl<T: Send> Send for Task<T> {}
unsafe impl<T: Send> Sync for Task<T> {}
unsafe impl<T: Send> Send for Remote<T> {}
unsafe impl<T: Send> Sync for Remote<T> {}
pub fn task<T>(handle: tokio::task::JoinHandle<T>) -> Task<T> {
    Task(Arc::new(UnsafeCell::new(handle)))
}
impl<T> std::fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Task")
    }
}
impl<T> Task<T> {
    pub fn remote(&self) -> Remote<T> {
        Remote(self.0.clone())
    }
}
impl<T> Remote<T> {
    pub fn abort(&self) {
        unsafe { (*self.0.get()).abort() }
    }
    pub fn is_finished(&self) -> bool {
        unsafe { (*self.0.get()).is_finished() }
    }
}
impl<T> Future for Task<T> {
    type Output = Result<T, tokio::task::JoinError>;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(unsafe { &mut *self.0.get() }).poll(cx)
    }
}

/// How the closure of a scope is left by what goes on outside of it.
pub enum Exit {
    On,
    Return(Out),
    Break,
    Continue,
}
/// A future that somebody else polls.
pub fn future<F: Future<Output = Out>>(body: F) -> Pin<Box<F>> {
    Box::pin(body)
}

// ---- small futures -----------------------------------------------------------------------------------------------

pub fn compute(time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        std::hint::spin_loop()
    }
}
pub fn block_for_ever() -> ! {
    loop {
        std::thread::park()
    }
}
struct PollOnce<F>(F);
impl<F: Future + Unpin> Future for PollOnce<F> {
    type Output = Option<F::Output>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match Pin::new(&mut self.0).poll(cx) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => Poll::Ready(None),
        }
    }
}
/// Polls once; nothing if it is still pending.
pub async fn poll_once<F: Future + Unpin>(future: F) -> Option<F::Output> {
    PollOnce(future).await
}
struct CatchPanic<F>(F);
impl<F: Future> Future for CatchPanic<F> {
    type Output = std::thread::Result<F::Output>;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let future = unsafe { self.map_unchecked_mut(|this| &mut this.0) };
        match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}
pub async fn catch_panic<F: Future>(future: F) -> std::thread::Result<F::Output> {
    CatchPanic(future).await
}
/// `watch::Receiver::wait_for`, which older releases do not have.
pub async fn wait_for(
    receiver: &mut tokio::sync::watch::Receiver<i64>,
    condition: impl Fn(i64) -> bool,
) -> Result<i64, tokio::sync::watch::error::RecvError> {
    loop {
        {
            let value = *receiver.borrow_and_update();
            if condition(value) {
                return Ok(value);
            }
        }
        receiver.changed().await?;
    }
}
struct Unparks(std::thread::Thread);
impl Wake for Unparks {
    fn wake(self: Arc<Self>) {
        self.0.unpark()
    }
}
/// `broadcast::Receiver::blocking_recv`, which older releases do not have: refused where theirs is.
pub fn blocking_recv<T: Clone>(
    receiver: &mut tokio::sync::broadcast::Receiver<T>,
) -> Result<T, tokio::sync::broadcast::error::RecvError> {
    drop(tokio::sync::Mutex::new(()).blocking_lock());
    let waker = Waker::from(Arc::new(Unparks(std::thread::current())));
    let mut future = Box::pin(receiver.recv());
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => return result,
            Poll::Pending => std::thread::park(),
        }
    }
}
/// The `blocking_send` that the sender of an unbounded channel does not have: refused where that of a bounded one is.
pub fn blocking_send<T>(
    sender: &tokio::sync::mpsc::UnboundedSender<T>,
    message: T,
) -> Result<(), tokio::sync::mpsc::error::SendError<T>> {
    drop(tokio::sync::Mutex::new(()).blocking_lock());
    sender.send(message)
}
/// A watch with a sender that can be cloned, as Tokio's can from 1.37 on: it closes with the last one.
pub fn shared_sender<T>(
    (tx, rx): (tokio::sync::watch::Sender<T>, tokio::sync::watch::Receiver<T>),
) -> (Arc<tokio::sync::watch::Sender<T>>, tokio::sync::watch::Receiver<T>) {
    (Arc::new(tx), rx)
}
/// `OnceLock::get_or_try_init`, which is not stable yet: as when the body panics, the next one may try again.
pub fn try_once(cell: &std::sync::OnceLock<()>, body: impl FnOnce() -> Out) -> Result<(), Fail> {
    let ran = catch_unwind(AssertUnwindSafe(|| {
        cell.get_or_init(|| {
            if body().is_err() {
                resume_unwind(Box::new(Fail))
            }
        });
    }));
    match ran {
        Ok(()) => Ok(()),
        Err(panic) if panic.is::<Fail>() => Err(Fail),
        Err(panic) => resume_unwind(panic),
    }
}
/// A watch's borrow whose receiver is used on meanwhile, as another handle of the same channel could be.
pub fn borrowed<'a>(guard: tokio::sync::watch::Ref<'a, i64>) -> tokio::sync::watch::Ref<'static, i64> {
    unsafe { std::mem::transmute(guard) }
}
pub fn forget_permits(semaphore: &tokio::sync::Semaphore, permits: i64) {
    for _ in 0..permits {
        if let Ok(permit) = semaphore.try_acquire() {
            permit.forget()
        }
    }
}

// ---- choices and chance ------------------------------------------------------------------------------------------

static JITTER: AtomicU64 = AtomicU64::new(0);
static CHOICES: AtomicU64 = AtomicU64::new(0);
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
/// One of so many branches: as the schedule says, else by chance.
pub fn choose(pointer: &'static str, branches: u64) -> u64 {
    if STEERED.load(SeqCst) {
        let name = current().map_or_else(String::new, |party| party.name.clone());
        let mut steering = lock(&STEERING);
        if let Some(at) = steering.choices.iter().position(|(party, place, _)| *party == name && place == pointer) {
            return steering.choices.remove(at).2.min(branches - 1);
        }
    }
    mix(JITTER.load(SeqCst) ^ mix(CHOICES.fetch_add(1, SeqCst) + 1)) % branches
}
static START: Mutex<Option<Instant>> = Mutex::new(None);
pub fn now_ms() -> i64 {
    lock(&START).map_or(0, |start| start.elapsed().as_millis() as i64 / i64::from(TIME_SCALE.load(SeqCst)))
}
static TIME_SCALE: AtomicU32 = AtomicU32::new(1);
/// A time of the scenario. All of them can be made longer, so that what steering takes does not count beside them.
pub fn scaled(time: Duration) -> Duration {
    time * TIME_SCALE.load(SeqCst)
}

// ---- steering along a schedule -------------------------------------------------------------------------------------

// A party with a ticket stands still until its turn, with its thread, as if the operating system had not run it: every
// run that comes out is one that can come without. Nobody is woken and nothing is awaited for that.
//
// The schedule is a file with a ticket a line, its fields separated by tabs:
//     op PARTY POINTER goes|waits   PARTY comes to an op; `waits`: the schedule sees it wait there
//     poll PARTY                    a worker polls the task
//     time MICROSECONDS             nobody goes on before they have passed
//     choose PARTY POINTER BRANCH   what a `choose` takes; no ticket
//     loop                          after the last ticket comes the next one again
// An empty PARTY is anybody.
enum Ticket {
    Op { party: String, pointer: String, waits: bool },
    Poll { party: String },
    Time(Duration),
}
struct Steering {
    tickets: Vec<Ticket>,
    claimed: Vec<bool>,
    next: usize,
    used: u64,
    missed: u64,
    repeat_from: Option<usize>,
    choices: Vec<(String, String, u64)>,
    last: Option<(Arc<Party>, u64, bool)>, // whose ticket was used last, its events then, and whether it is to wait
    progress: Option<Instant>,             // when that was
}
static STEERED: AtomicBool = AtomicBool::new(false);
static TURN_MS: AtomicU64 = AtomicU64::new(200);
static STEERING: Mutex<Steering> = Mutex::new(Steering::new());
const TIMER_SLACK: Duration = Duration::from_millis(5);

impl Steering {
    const fn new() -> Self {
        Steering {
            tickets: Vec::new(),
            claimed: Vec::new(),
            next: 0,
            used: 0,
            missed: 0,
            repeat_from: None,
            choices: Vec::new(),
            last: None,
            progress: None,
        }
    }
}

fn read_schedule(text: &str) -> Option<Steering> {
    let mut out = Steering::new();
    out.progress = Some(Instant::now());
    for line in text.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields[..] {
            ["op", party, pointer, how] => out.tickets.push(Ticket::Op {
                party: party.to_string(),
                pointer: pointer.to_string(),
                waits: how == "waits",
            }),
            ["poll", party] => out.tickets.push(Ticket::Poll { party: party.to_string() }),
            ["time", micros] => out.tickets.push(Ticket::Time(Duration::from_micros(micros.parse().ok()?))),
            ["choose", party, pointer, branch] => {
                out.choices.push((party.to_string(), pointer.to_string(), branch.parse().ok()?))
            }
            ["loop"] => out.repeat_from = Some(out.tickets.len()),
            _ => return None,
        }
    }
    out.claimed = vec![false; out.tickets.len()];
    if out.repeat_from == Some(out.tickets.len()) {
        out.repeat_from = None;
    }
    Some(out)
}
impl Steering {
    /// The first free ticket of this party for this op, or for being polled.
    fn claim(&mut self, party: &Party, pointer: Option<&str>) -> Option<usize> {
        let is_mine = |ticket: &Ticket| match (ticket, pointer) {
            (Ticket::Op { party: name, pointer: place, .. }, Some(here)) => {
                place == here && (name.is_empty() || *name == party.name)
            }
            (Ticket::Poll { party: name }, None) => *name == party.name,
            _ => false,
        };
        let at = (self.next..self.tickets.len()).find(|&at| !self.claimed[at] && is_mine(&self.tickets[at]))?;
        self.claimed[at] = true;
        Some(at)
    }
    fn pass(&mut self, to: usize) {
        self.next = to;
        self.progress = Some(Instant::now());
        if self.next == self.tickets.len() {
            if let Some(first) = self.repeat_from {
                self.next = first;
                (first..self.claimed.len()).for_each(|at| self.claimed[at] = false);
            }
        }
    }
    fn since(&self) -> Duration {
        self.progress.map_or(Duration::ZERO, |at| at.elapsed())
    }
    /// Time that has to pass is waited for by whoever comes next.
    fn pass_time(&mut self) -> bool {
        while let Some(Ticket::Time(time)) = self.tickets.get(self.next) {
            if self.since() < scaled(*time) + TIMER_SLACK {
                return false;
            }
            let next = self.next + 1;
            self.pass(next);
            self.last = None;
        }
        true
    }
    /// Who went last has done its op, or waits in it.
    fn is_settled(&self) -> bool {
        let (party, events, waits) = match &self.last {
            Some((party, events, waits)) => (party, *events, *waits),
            None => return true,
        };
        let since = self.since();
        party.events.load(SeqCst) != events
            || party.ended.load(SeqCst)
            || since > Duration::from_millis(if waits { 10 } else { 50 })
            || (since > Duration::from_millis(1) && is_asleep(party.thread.load(SeqCst)))
    }
}
fn thread_number() -> u64 {
    thread_local! { static NUMBER: u64 = std::fs::read_link("/proc/thread-self").ok()
    .and_then(|link| link.file_name().and_then(|name| name.to_str().and_then(|text| text.parse().ok()))).unwrap_or(0) }
    NUMBER.try_with(|number| *number).unwrap_or(0)
}
fn is_asleep(thread: u64) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().map_or(false, |rest| rest.starts_with('S'))
}
/// Stands still until the tickets before this party's are used. Who waits too long for that misses its turn: it goes on,
/// and so do those that were to come before it.
fn turn(party: &Arc<Party>, pointer: Option<&str>) {
    if !STEERED.load(SeqCst) {
        return;
    }
    party.thread.store(thread_number(), SeqCst);
    let mine = match lock(&STEERING).claim(party, pointer) {
        Some(ticket) => ticket,
        None => return,
    };
    let patience = Duration::from_millis(TURN_MS.load(SeqCst));
    let came = Instant::now();
    loop {
        {
            let mut steering = lock(&STEERING);
            if steering.next > mine {
                return;
            }
            let time_passed = steering.pass_time();
            let waits = matches!(&steering.tickets[mine], Ticket::Op { waits: true, .. });
            if steering.next == mine && steering.is_settled() {
                steering.last = pointer.map(|_| (party.clone(), party.events.load(SeqCst), waits));
                steering.used += 1;
                steering.pass(mine + 1);
                return;
            }
            if time_passed && came.elapsed().min(steering.since()) > patience {
                steering.missed += (mine - steering.next).max(1) as u64;
                steering.last = None;
                steering.pass(mine + 1);
                return;
            }
        }
        std::thread::sleep(Duration::from_micros(300));
    }
}
/// The process ends with main: so that does not before every turn is used or missed.
fn last_turn() {
    let came = Instant::now();
    while STEERED.load(SeqCst) {
        {
            let mut steering = lock(&STEERING);
            let is_over = steering.pass_time() && steering.next == steering.tickets.len() && steering.is_settled();
            if is_over || came.elapsed().min(steering.since()) > Duration::from_millis(TURN_MS.load(SeqCst)) {
                return;
            }
        }
        std::thread::sleep(Duration::from_micros(300));
    }
}
fn turns() -> String {
    if !STEERED.load(SeqCst) {
        return String::new();
    }
    let steering = lock(&STEERING);
    format!(",\"turns\":{},\"turns_missed\":{}", steering.used, steering.missed)
}

// ---- the run -----------------------------------------------------------------------------------------------------

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if (c as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
fn tell(line: String) {
    use std::io::Write;
    let _ = std::io::stdout().write_all((line + "\n").as_bytes());
    let _ = std::io::stdout().flush();
}
fn values(is_stuck: bool) -> String {
    IS_OVER.store(true, SeqCst); // to see whether a lock is free is to take it, and others may fail for that
    let mut values: Vec<String> =
        lock(&VALUES).iter().map(|(name, value)| format!("{}:{}", quoted(name), value.load(SeqCst))).collect();
    values.extend(lock(&CELLS).iter().map(|(name, cell)| format!("{}:{}", quoted(name), cell.read())));
    values.extend(lock(&TOLD).iter().map(|told| format!("{}:{}", quoted(&told.name), quoted(&told.object.seen()))));
    // Last: whoever waits for room may go on from here. What somebody is still at work with is not looked at.
    let is_quiet = is_stuck || lock(&PARTIES).iter().all(|party| party.ended.load(SeqCst) || party.name == "main");
    let mut left = lock(&LEFT);
    if !is_quiet {
        left.clear()
    }
    let mut by_channel: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for Left(name, look) in left.iter() {
        if let Some(left) = look() {
            by_channel.entry(name).or_default().push(left)
        }
    }
    for (name, mut left) in by_channel {
        left.sort();
        values.push(format!("{}:{}", quoted(name), quoted(&left.join(", "))))
    }
    format!("{{{}}}", values.join(","))
}
fn parties() -> String {
    let mut out = Vec::new();
    for party in lock(&PARTIES).iter().filter(|party| !party.ended.load(SeqCst)) {
        let (pointer, text) = *lock(&party.at);
        let holds: Vec<String> = lock(&party.holds).iter().map(|(_, name)| quoted(name)).collect();
        let before: Vec<String> = lock(&party.before).iter().map(|pointer| quoted(pointer)).collect();
        let state = match (party.on_thread.load(SeqCst), party.woken.load(SeqCst)) {
            (true, _) => "on a thread",
            (false, true) => "ready and not polled",
            (false, false) => "suspended",
        };
        out.push(format!(
            "{{\"party\":{},\"op\":{},\"doing\":{},\"state\":\"{}\",\"holds\":[{}],\"came_to\":[{}]}}",
            quoted(&party.name), quoted(pointer), quoted(text), state, holds.join(","), before.join(",")
        ));
    }
    format!("[{}]", out.join(","))
}
extern "C" {
    fn _exit(status: i32) -> !;
}
fn number(variable: &str, or: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(or)
}
/// Runs a scenario under a watchdog and tells how it ended: `completed`, `panicked`, or `hang` with who stands where.
/// ASYNCRT_WATCHDOG_MS: after how long without a new op it is a hang. ASYNCRT_JITTER: a seed of delays before ops.
/// ASYNCRT_SCHEDULE: the file of a schedule to steer along. ASYNCRT_TURN_MS: how long a party waits for its turn.
/// ASYNCRT_TIME_SCALE: how many times as long all sleeps and limits of the scenario are.
pub fn run(scenario: fn() -> Out) {
    JITTER.store(number("ASYNCRT_JITTER", 0), SeqCst);
    *lock(&START) = Some(Instant::now());
    let patience = Duration::from_millis(number("ASYNCRT_WATCHDOG_MS", 2000));
    TIME_SCALE.store(number("ASYNCRT_TIME_SCALE", 1).clamp(1, 1000) as u32, SeqCst);
    TURN_MS.store(number("ASYNCRT_TURN_MS", 200), SeqCst);
    if let Ok(path) = std::env::var("ASYNCRT_SCHEDULE") {
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| {
            eprintln!("{path}: {error}");
            std::process::exit(2)
        });
        match read_schedule(&text) {
            Some(steering) => {
                let is_any = !steering.tickets.is_empty() || !steering.choices.is_empty();
                *lock(&STEERING) = steering;
                STEERED.store(is_any, SeqCst);
            }
            None => {
                eprintln!("{path}: this is no schedule");
                std::process::exit(2)
            }
        }
    }
    std::panic::set_hook(Box::new(|info| {
        if IS_OVER.load(SeqCst) {
            block_for_ever()
        }
        PANICS.fetch_add(1, SeqCst);
        let party = current();
        let (pointer, _) = party.as_ref().map_or(("", ""), |party| *lock(&party.at));
        let message = match info.payload().downcast_ref::<&str>() {
            Some(text) => text.to_string(),
            None => info.payload().downcast_ref::<String>().cloned().unwrap_or_default(),
        };
        let name = party.map_or_else(|| "".to_string(), |party| party.name.clone());
        tell(format!(
            "{{\"event\":\"panic\",\"party\":{},\"op\":{},\"message\":{}{}}}",
            quoted(&name), quoted(pointer), quoted(message.lines().next().unwrap_or("")), turns()
        ));
    }));
    std::thread::spawn(move || {
        let start = Instant::now();
        let mut steps = STEPS.load(SeqCst);
        std::thread::sleep(patience);
        // A slow machine is no hang: as long as ops begin, or a schedule goes on, there is more time.
        while start.elapsed() < patience * 5 {
            let mut pause = patience;
            if STEERED.load(SeqCst) {
                let since = lock(&STEERING).since();
                if since >= patience {
                    break;
                }
                pause = patience - since;
            } else if std::mem::replace(&mut steps, STEPS.load(SeqCst)) == steps {
                break;
            }
            std::thread::sleep(pause);
        }
        let parties = parties();
        tell(format!(
            "{{\"event\":\"hang\",\"panics\":{},\"values\":{},\"parties\":{}{}}}",
            PANICS.load(SeqCst), values(true), parties, turns()
        ));
        unsafe { _exit(3) }
    });
    let main = new_party("main".to_string());
    let result = {
        let _entered = enter(&main);
        catch_unwind(scenario)
    };
    if IS_OVER.load(SeqCst) {
        block_for_ever() // a hang is being told, and to look has let this go on
    }
    last_turn();
    let outcome = if result.is_ok() { "completed" } else { "panicked" };
    tell(format!(
        "{{\"event\":\"end\",\"outcome\":\"{}\",\"panics\":{},\"values\":{}{}}}",
        outcome, PANICS.load(SeqCst), values(false), turns()
    ));
    unsafe { _exit(if result.is_ok() { 0 } else { 101 }) }
}
