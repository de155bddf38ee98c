//! Charges: of whom, for how long, and where they wait.

use std::pin::pin;
use std::task::Context;

use super::*;

#[test]
fn what_is_dropped_is_given_back_to_run_and_process() {
    let process = Ledger::of_process(100);
    let run = process.for_run(60);
    let mut first = run.charge(40).unwrap();
    assert_eq!((run.held(), process.held()), (40, 40));
    assert_eq!(
        run.charge(21).unwrap_err(),
        OverBudget::Run {
            asked: 21,
            budget: 60
        }
    );
    first.grow(20).unwrap();
    let other = process.for_run(60);
    let over = other.charge(41).unwrap_err();
    assert_eq!(
        over,
        OverBudget::Process {
            asked: 41,
            budget: 100
        }
    );
    assert_eq!((other.held(), over.limit()), (0, Limit::HostMemory(100)));
    first.resize(10).unwrap();
    drop(other.charge(60).unwrap());
    drop(first);
    assert_eq!((run.held(), other.held(), process.held()), (0, 0, 0));
    assert_eq!((run.peak(), other.peak(), process.peak()), (60, 60, 70));
}

#[test]
fn a_charge_waits_while_others_hold_what_the_process_may() {
    let process = Ledger::of_process(100);
    let first = process.for_run(100).charge(80).unwrap();
    let run = process.for_run(100);
    let mut second = pin!(run.charge_when_free(50));
    let mut context = Context::from_waker(Waker::noop());
    assert!(second.as_mut().poll(&mut context).is_pending());
    drop(first);
    assert!(matches!(
        second.as_mut().poll(&mut context),
        Poll::Ready(Ok(_))
    ));
}

#[test]
fn what_never_fits_is_refused_at_once() {
    let run = Ledger::of_process(100).for_run(200);
    let mut never = pin!(run.charge_when_free(101));
    let mut context = Context::from_waker(Waker::noop());
    let refused = never.as_mut().poll(&mut context);
    assert!(matches!(
        refused,
        Poll::Ready(Err(OverBudget::Process { .. }))
    ));
}

#[test]
fn a_part_is_counted_in_the_whole() {
    let process = Ledger::of_process(100);
    let whole = process.within(60);
    let (one, other) = (whole.within(40), whole.within(40));
    let first = one.charge(40).unwrap();
    assert_eq!((whole.held(), process.held()), (40, 40));
    let over = |bytes: u64, budget: u64| OverBudget::Run {
        asked: bytes,
        budget,
    };
    assert_eq!(one.charge(1).unwrap_err(), over(1, 40));
    assert_eq!(other.charge(21).unwrap_err(), over(21, 60));
    assert_eq!((other.held(), whole.held()), (0, 40));
    drop(first);
    drop(other.charge(21).unwrap());
    assert_eq!((other.held(), whole.held(), process.held()), (0, 0, 0));
    assert_eq!(one.process().budget(), 100);
}

#[test]
fn a_charge_grows_when_others_give_back() {
    let process = Ledger::of_process(100);
    let other = process.for_run(100).charge(60).unwrap();
    let mut charge = process.for_run(100).charge(30).unwrap();
    let mut context = Context::from_waker(Waker::noop());
    {
        let mut growing = pin!(charge.grow_when_free(20));
        assert!(growing.as_mut().poll(&mut context).is_pending());
        assert!(growing.as_mut().poll(&mut context).is_pending());
        drop(other);
        assert_eq!(growing.poll(&mut context), Poll::Ready(Ok(())));
    }
    assert_eq!((charge.bytes(), process.held()), (50, 50));
    // With what it holds already it never fits.
    let refused = pin!(charge.grow_when_free(51)).poll(&mut context);
    assert!(matches!(
        refused,
        Poll::Ready(Err(OverBudget::Process { .. }))
    ));
    drop(charge);
    assert_eq!(process.held(), 0);
}

#[test]
fn what_is_shared_is_charged_once() {
    let run = Ledger::of_process(100).for_run(100);
    let mut context = Context::from_waker(Waker::noop());
    let mut share = || match pin!(run.share(60)).poll(&mut context) {
        Poll::Ready(shared) => shared.unwrap(),
        Poll::Pending => panic!("there is room"),
    };
    let (first, second) = (share(), share());
    assert_eq!(run.held(), 60);
    drop(first);
    assert_eq!(run.held(), 60);
    drop(second);
    assert_eq!(run.held(), 0);
    assert_eq!(share().bytes(), 60);
}

#[test]
fn a_charge_moves_between_runs_of_one_process() {
    let process = Ledger::of_process(100);
    let (first, second) = (process.for_run(60), process.for_run(30));
    let mut charge = first.charge(40).unwrap();
    charge.transfer(&second).unwrap_err();
    assert_eq!((first.held(), second.held(), process.held()), (40, 0, 40));
    charge.resize(30).unwrap();
    charge.transfer(&second).unwrap();
    assert_eq!((second.held(), second.peak(), process.held()), (30, 30, 30));
    drop(charge);
    assert_eq!((second.held(), process.held()), (0, 0));
}

#[test]
fn held_charges_end_with_the_last_copy() {
    let run = Ledger::of_process(100).for_run(100);
    let held = Held::from(run.charge(10).unwrap());
    let mut copy = held.clone();
    copy.add(run.charge(5).unwrap());
    drop(held);
    assert_eq!(run.held(), 15);
    drop(copy);
    assert_eq!(run.held(), 0);
}
