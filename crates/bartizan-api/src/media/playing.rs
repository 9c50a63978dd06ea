//! Recordings on a media session: read as the page gives room, and nothing is left out.

use std::sync::{Arc, Mutex, PoisonError};

use bartizan_app::{
    Piece, Reel,
    live::{Phase, StreamState},
};
use bartizan_base::{Code, Error};
use tokio::sync::Notify;

use super::queue::{Item, TileQueue};

/// Reads `reel` into `queue` whenever that has room, and says at the end that it is the end. `room` rings when something
/// was taken out, `ready` is rung when something is due.
pub(crate) async fn feed(
    queue: Arc<Mutex<TileQueue>>,
    room: Arc<Notify>,
    ready: Arc<Notify>,
    mut reel: Reel,
) {
    let change = |change: &dyn Fn(&mut TileQueue)| {
        change(&mut queue.lock().unwrap_or_else(PoisonError::into_inner));
        ready.notify_one();
    };
    loop {
        while !queue.lock().unwrap_or_else(PoisonError::into_inner).has_room() {
            room.notified().await;
        }
        let read = tokio::task::spawn_blocking(move || {
            let read = reel.read();
            (reel, read)
        });
        let Ok((back, read)) = read.await else {
            let error = Error::new(Code::Internal, "reading the recording ended");
            change(&|queue| queue.append(Item::State(state(Phase::Failed, Some(error.clone())))));
            return;
        };
        reel = back;
        match read {
            Ok(Some(pieces)) => change(&|queue| {
                for piece in &pieces {
                    queue.append(match piece {
                        Piece::Unit(unit) => Item::Unit(unit.clone()),
                        Piece::Picture(picture) => Item::Picture(picture.clone()),
                    });
                }
            }),
            Ok(None) => {
                change(&|queue| queue.append(Item::State(state(Phase::Idle, None))));
                return;
            }
            Err(error) => {
                change(&|queue| queue.append(Item::State(state(Phase::Failed, Some(error.clone())))));
                return;
            }
        }
    }
}

pub(crate) fn state(phase: Phase, error: Option<Error>) -> StreamState {
    StreamState { phase, error, retry_in: None, attempt: 0 }
}
