//! Where and whether a review is evaluated: inline on the I/O thread while evaluations are quick and places are
//! free, else on the blocking pool behind a semaphore, and not at all when there is no place before the deadline.
//!
//! Inline saves two thread switches, which is as much as a small policy set costs. It is safe because what is large is
//! not judged there, because slow evaluations send those that follow to the pool, and because probes are answered by a
//! thread of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::metrics::Metrics;
use super::runtime::thread_has_run;
use super::settings::Settings;
use crate::review::{Endpoint, Failure, Judge, Observer, Reply, answer_failure, answer_observed};

/// The places for evaluation.
#[derive(Debug)]
pub(super) struct Gate {
    inline: Semaphore,
    /// Moving average of how long evaluations run, in nanoseconds. What a thread waits for a core does not count: where the
    /// machine is busy, evaluations on the pool would wait as long, and each holds a request in memory meanwhile.
    average: AtomicU64,
    slow: u64,
    large: usize,
    pool: Arc<Semaphore>,
}

/// Until when an evaluation may run, and until when we answer for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadlines {
    /// Handed to the judge.
    pub(super) evaluate: Instant,
    /// When it is answered without the judge; still before the caller hangs up.
    pub(super) answer: Instant,
}

impl Deadlines {
    /// For a call that came now and whose caller waits for `timeout`: a tenth of it, between 50 and 500 ms, is kept
    /// for the way back.
    pub(super) fn new(now: Instant, timeout: Duration) -> Self {
        let margin = (timeout / 10).clamp(Duration::from_millis(50), Duration::from_millis(500));
        let evaluate = now + timeout.saturating_sub(margin);
        Deadlines { evaluate, answer: (evaluate + margin / 2).min(now + timeout) }
    }
}

impl Gate {
    pub(super) fn new(settings: &Settings) -> Self {
        Gate {
            inline: Semaphore::new(settings.inline_evaluations),
            average: AtomicU64::new(0),
            slow: nanos(settings.slow_evaluation),
            large: settings.large_body,
            pool: Arc::new(Semaphore::new(settings.pooled_evaluations)),
        }
    }

    /// Answers one body.
    pub(super) async fn answer(
        self: &Arc<Self>,
        judge: Arc<dyn Judge>,
        stage: Endpoint,
        body: Bytes,
        deadlines: Deadlines,
        metrics: &Metrics,
        observer: Arc<impl Observer + Send + Sync + 'static>,
    ) -> Reply {
        if body.len() < self.large
            && let Some(_place) = self.inline_place()
        {
            return self.run(&*judge, stage, &body, deadlines, &*observer);
        }
        metrics.pooled.inc();
        // boxed: its state would otherwise lie in every idle connection
        Box::pin(self.pooled(judge, stage, body, deadlines, observer)).await
    }

    async fn pooled(
        self: &Arc<Self>,
        judge: Arc<dyn Judge>,
        stage: Endpoint,
        body: Bytes,
        deadlines: Deadlines,
        observer: Arc<impl Observer + Send + Sync + 'static>,
    ) -> Reply {
        let evaluate = tokio::time::Instant::from_std(deadlines.evaluate);
        let permit = match tokio::time::timeout_at(evaluate, self.pool.clone().acquire_owned()).await {
            Ok(permit) => permit.expect("the semaphore is never closed"),
            Err(_) => return answer_failure(&*judge, stage, &body, Failure::Overloaded, &*observer),
        };
        // the evaluation may outlive its answer: it keeps the permit, and only one of the two is observed
        let once = Arc::new(Once { observer, taken: AtomicBool::new(false) });
        let running = {
            let (gate, judge, body, once) = (self.clone(), judge.clone(), body.clone(), once.clone());
            tokio::task::spawn_blocking(move || {
                let _permit = permit;
                gate.run(&*judge, stage, &body, deadlines, &*once)
            })
        };
        let answer = tokio::time::Instant::from_std(deadlines.answer);
        match tokio::time::timeout_at(answer, running).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(_)) => answer_failure(&*judge, stage, &body, Failure::Panicked, &*once),
            Err(_) => answer_failure(&*judge, stage, &body, Failure::DeadlineExceeded, &*once),
        }
    }

    fn run(
        &self,
        judge: &dyn Judge,
        stage: Endpoint,
        body: &[u8],
        deadlines: Deadlines,
        observer: &dyn Observer,
    ) -> Reply {
        let started = thread_has_run();
        let reply = answer_observed(judge, stage, body, deadlines.evaluate, observer);
        // two threads may write at one time and lose one of two figures: no matter
        let average = self.average.load(Ordering::Relaxed);
        let next = average - average / 16 + nanos(thread_has_run().saturating_sub(started)) / 16;
        self.average.store(next, Ordering::Relaxed);
        reply
    }

    fn inline_place(&self) -> Option<SemaphorePermit<'_>> {
        match self.average.load(Ordering::Relaxed) > self.slow {
            true => None,
            false => self.inline.try_acquire().ok(),
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Passes on only the first of two observations.
struct Once<O> {
    observer: Arc<O>,
    taken: AtomicBool,
}

impl<O: Observer> Observer for Once<O> {
    fn answered(
        &self,
        stage: Endpoint,
        review: &crate::review::ReviewRequest<'_>,
        answer: &crate::review::Answer,
        failure: Option<&Failure>,
    ) {
        if !self.taken.swap(true, Ordering::Relaxed) {
            self.observer.answered(stage, review, answer, failure);
        }
    }
    fn refused(&self, stage: Endpoint, refusal: &crate::review::Refusal) {
        if !self.taken.swap(true, Ordering::Relaxed) {
            self.observer.refused(stage, refusal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_evaluation_ends_before_the_caller_hangs_up() {
        let now = Instant::now();
        let ms = Duration::from_millis;
        for (timeout, evaluate, answer) in
            [(10_000, 9_500, 9_750), (1_000, 900, 950), (200, 150, 175), (10, 0, 10), (0, 0, 0)]
        {
            let got = Deadlines::new(now, ms(timeout));
            assert_eq!(got.evaluate - now, ms(evaluate), "{timeout}");
            assert_eq!(got.answer - now, ms(answer), "{timeout}");
        }
    }
}
