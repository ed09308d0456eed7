//! What the exported scenarios share: parties and what they do, a watchdog that tells of a hang, small helpers.
#![allow(dead_code)]

use std::cell::{RefCell, UnsafeCell};
use std::future::Future;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering::SeqCst};
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
pub struct OnDrop(Option<Box<dyn FnOnce() + Send>>);
// Nobody gets at the body before the drop, which has it alone.
unsafe impl Sync for OnDrop {}
impl OnDrop {
    pub fn new(body: impl FnOnce() + Send + 'static) -> OnDrop {
        OnDrop(Some(Box::new(body)))
    }
}
impl Drop for OnDrop {
    fn drop(&mut self) {
        if let Some(body) = self.0.take() {
            body()
        }
    }
}
/// The same, of a value that is not `Send`.
pub struct LocalOnDrop(Option<Box<dyn FnOnce()>>);
impl LocalOnDrop {
    pub fn new(body: impl FnOnce() + 'static) -> LocalOnDrop {
        LocalOnDrop(Some(Box::new(body)))
    }
}
impl Drop for LocalOnDrop {
    fn drop(&mut self) {
        if let Some(body) = self.0.take() {
            body()
        }
    }
}
impl std::fmt::Debug for OnDrop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnDrop")
    }
}
pub fn used<T: ?Sized>(_: &T) {}

// ---- parties: threads, tasks and closures, what they are in and what they hold -----------------------------------

struct Party {
    name: String,
    at: Mutex<(&'static str, &'static str)>,
    holds: Mutex<Vec<(u64, &'static str)>>,
    on_thread: AtomicBool,
    woken: AtomicBool,
    ended: AtomicBool,
}
static PARTIES: Mutex<Vec<Arc<Party>>> = Mutex::new(Vec::new());
static VALUES: Mutex<Vec<(String, &'static AtomicI64)>> = Mutex::new(Vec::new());
static CELLS: Mutex<Vec<(String, &'static RacyCell)>> = Mutex::new(Vec::new());
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
        holds: Mutex::new(Vec::new()),
        on_thread: AtomicBool::new(false),
        woken: AtomicBool::new(true),
        ended: AtomicBool::new(false),
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
/// The party of this thread comes to an op: `pointer` is its place in the scenario.
pub fn op(pointer: &'static str, text: &'static str) {
    let step = STEPS.fetch_add(1, SeqCst);
    if let Some(party) = current() {
        *lock(&party.at) = (pointer, text);
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
        let _end = end;
        let _entered = enter(&party);
        body()
    }
}
struct EndOf(Arc<Party>);
impl Drop for EndOf {
    fn drop(&mut self) {
        self.0.ended.store(true, SeqCst);
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
}
pub fn tracked<F: Future<Output = Out>>(name: String, future: F) -> Tracked<F> {
    Tracked { future: ManuallyDrop::new(future), party: new_party(name), waker: None }
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
        let _entered = enter(&party);
        party.woken.store(false, SeqCst);
        let future = unsafe { Pin::new_unchecked(&mut *this.future) };
        let result = future.poll(&mut Context::from_waker(&this.waker.as_ref().unwrap().1));
        if result.is_ready() {
            party.ended.store(true, SeqCst);
        }
        result
    }
}
impl<F> Drop for Tracked<F> {
    fn drop(&mut self) {
        let _end = EndOf(self.party.clone());
        let party = self.party.clone();
        let _entered = enter(&party);
        unsafe { ManuallyDrop::drop(&mut self.future) };
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
/// One of so many branches, by chance.
pub fn choose(branches: u64) -> u64 {
    mix(JITTER.load(SeqCst) ^ mix(CHOICES.fetch_add(1, SeqCst) + 1)) % branches
}
static START: Mutex<Option<Instant>> = Mutex::new(None);
pub fn now_ms() -> i64 {
    lock(&START).map_or(0, |start| start.elapsed().as_millis() as i64)
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
fn values() -> String {
    let mut values: Vec<String> =
        lock(&VALUES).iter().map(|(name, value)| format!("{}:{}", quoted(name), value.load(SeqCst))).collect();
    values.extend(lock(&CELLS).iter().map(|(name, cell)| format!("{}:{}", quoted(name), cell.read())));
    format!("{{{}}}", values.join(","))
}
fn parties() -> String {
    let mut out = Vec::new();
    for party in lock(&PARTIES).iter().filter(|party| !party.ended.load(SeqCst)) {
        let (pointer, text) = *lock(&party.at);
        let holds: Vec<String> = lock(&party.holds).iter().map(|(_, name)| quoted(name)).collect();
        let state = match (party.on_thread.load(SeqCst), party.woken.load(SeqCst)) {
            (true, _) => "on a thread",
            (false, true) => "ready and not polled",
            (false, false) => "suspended",
        };
        out.push(format!(
            "{{\"party\":{},\"op\":{},\"doing\":{},\"state\":\"{}\",\"holds\":[{}]}}",
            quoted(&party.name), quoted(pointer), quoted(text), state, holds.join(",")
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
pub fn run(scenario: fn() -> Out) {
    JITTER.store(number("ASYNCRT_JITTER", 0), SeqCst);
    *lock(&START) = Some(Instant::now());
    let patience = Duration::from_millis(number("ASYNCRT_WATCHDOG_MS", 2000));
    std::panic::set_hook(Box::new(|info| {
        PANICS.fetch_add(1, SeqCst);
        let party = current();
        let (pointer, _) = party.as_ref().map_or(("", ""), |party| *lock(&party.at));
        let message = match info.payload().downcast_ref::<&str>() {
            Some(text) => text.to_string(),
            None => info.payload().downcast_ref::<String>().cloned().unwrap_or_default(),
        };
        let name = party.map_or_else(|| "".to_string(), |party| party.name.clone());
        tell(format!(
            "{{\"event\":\"panic\",\"party\":{},\"op\":{},\"message\":{}}}",
            quoted(&name), quoted(pointer), quoted(message.lines().next().unwrap_or(""))
        ));
    }));
    std::thread::spawn(move || {
        // A slow machine is no hang: as long as ops begin there is more time, up to four times as much.
        let mut steps = STEPS.load(SeqCst);
        for _ in 0..4 {
            std::thread::sleep(patience);
            if std::mem::replace(&mut steps, STEPS.load(SeqCst)) == steps {
                break;
            }
        }
        tell(format!(
            "{{\"event\":\"hang\",\"panics\":{},\"values\":{},\"parties\":{}}}",
            PANICS.load(SeqCst), values(), parties()
        ));
        unsafe { _exit(3) }
    });
    let main = new_party("main".to_string());
    let result = {
        let _entered = enter(&main);
        catch_unwind(scenario)
    };
    let outcome = if result.is_ok() { "completed" } else { "panicked" };
    tell(format!(
        "{{\"event\":\"end\",\"outcome\":\"{}\",\"panics\":{},\"values\":{}}}",
        outcome, PANICS.load(SeqCst), values()
    ));
    unsafe { _exit(if result.is_ok() { 0 } else { 101 }) }
}
