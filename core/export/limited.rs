//! A set of futures of which so many at a time are polled, as a stream under `buffer_unordered` does it.

use crate::support::Out;
use futures::stream::{FuturesUnordered, StreamExt};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;

type Member = Pin<Box<dyn Future<Output = Out> + Send>>;
pub struct Limited {
    limit: usize,
    begun: FuturesUnordered<Member>,
    waiting: VecDeque<Member>,
}
impl Limited {
    pub fn new(limit: usize) -> Limited {
        Limited { limit, begun: FuturesUnordered::new(), waiting: VecDeque::new() }
    }
    pub fn push(&mut self, member: Member) {
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
