//! A set of futures of which so many at a time are polled, as a stream under `buffer_unordered` does it.

use crate::support::Out;
use futures::stream::{FuturesUnordered, StreamExt};
use std::collections::VecDeque;
use std::future::Future;

pub struct Limited<F> {
    limit: usize,
    begun: FuturesUnordered<F>,
    waiting: VecDeque<F>,
}
impl<F: Future<Output = Out>> Limited<F> {
    pub fn new(limit: usize) -> Limited<F> {
        Limited { limit, begun: FuturesUnordered::new(), waiting: VecDeque::new() }
    }
    pub fn push(&mut self, member: F) {
        self.waiting.push_back(member)
    }
    pub async fn next(&mut self) -> Option<Out> {
        if self.limit == 0 {
            std::future::pending::<()>().await
        }
        while self.begun.len() < self.limit {
            match self.waiting.pop_front() {
                Some(member) => self.begun.push(member),
                None => break,
            }
        }
        self.begun.next().await
    }
}
