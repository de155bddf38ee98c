use std::sync::atomic::AtomicUsize;

use futures_util::future::join_all;
use tokio::sync::Barrier;

use super::*;

/// Counts what is alive at once.
#[derive(Default)]
struct Alive {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Alive {
    fn begin(&self) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
    }

    fn end(&self) {
        self.now.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Asks for the next turn at once, as a guest that computes does.
async fn turn() {
    let mut asked = false;
    poll_fn(|context| {
        if std::mem::replace(&mut asked, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[tokio::test]
async fn work_that_computes_does_so_alone() {
    let (worker, alive) = (Arc::new(Worker::default()), Arc::new(Alive::default()));
    let all = (0..50).map(|n| {
        let alive = Arc::clone(&alive);
        worker.run(async move {
            alive.begin();
            for _ in 0..10 {
                turn().await;
            }
            alive.end();
            n
        })
    });
    let answers: Vec<_> = join_all(all).await.into_iter().flatten().collect();
    assert_eq!(answers, (0..50).collect::<Vec<_>>());
    assert_eq!(alive.most.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn work_that_waits_overlaps() {
    let (worker, all_there) = (Arc::new(Worker::default()), Arc::new(Barrier::new(50)));
    let all = (0..50).map(|_| {
        let all_there = Arc::clone(&all_there);
        worker.run(async move {
            turn().await;
            all_there.wait().await;
            turn().await;
        })
    });
    assert_eq!(join_all(all).await.into_iter().flatten().count(), 50);
}

#[tokio::test]
async fn work_may_wait_for_work_that_is_begun_later() {
    let worker = Arc::new(Worker::default());
    let inner = Arc::clone(&worker);
    let all = (0..10).map(|n| {
        let inner = Arc::clone(&inner);
        worker.run(async move { inner.run(async move { n }).await })
    });
    let answers: Vec<_> = join_all(all)
        .await
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    assert_eq!(answers, (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn work_that_computes_for_long_does_not_stop_the_rest() {
    let worker = Arc::new(Worker::default());
    let (end, ended) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    let long = worker.run({
        let (end, ended) = (Arc::clone(&end), Arc::clone(&ended));
        async move {
            while !end.load(Ordering::SeqCst) {
                turn().await;
            }
            ended.store(true, Ordering::SeqCst);
        }
    });
    let short = async {
        let answer = worker.run(async { 7 }).await;
        assert!(!ended.load(Ordering::SeqCst));
        end.store(true, Ordering::SeqCst);
        answer
    };
    let (long, short) = tokio::join!(long, short);
    assert_eq!((long, short), (Some(()), Some(7)));
}

#[tokio::test]
async fn work_that_panics_or_is_given_up_does_not_keep_the_thread() {
    let worker = Arc::new(Worker::default());
    let panicked = worker
        .run(async {
            if std::hint::black_box(true) {
                std::panic::resume_unwind(Box::new(()));
            }
        })
        .await;
    assert_eq!(panicked, None);
    let (dropped, is_dropped) = oneshot::channel::<()>();
    let (begun, has_begun) = oneshot::channel();
    let given_up = worker.run(async move {
        let _dropped = dropped;
        let _sent = begun.send(());
        std::future::pending::<()>().await;
    });
    tokio::select! {
        _ = given_up => unreachable!("it never ends"),
        begun = has_begun => assert!(begun.is_ok()),
    }
    assert!(is_dropped.await.is_err());
    assert_eq!(worker.run(async { 1 }).await, Some(1));
    worker.settle().await;
    assert!(!worker.queue().runs);
}
