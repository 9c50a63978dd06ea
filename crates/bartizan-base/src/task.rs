use std::future::Future;

use tokio::task::JoinHandle;

/// A task with an owner: it is aborted when this handle is dropped, so none can outlive its reason.
#[derive(Debug)]
pub struct OwnedTask<T = ()>(Option<JoinHandle<T>>);

impl<T: Send + 'static> OwnedTask<T> {
    /// Starts `future` on the current runtime.
    #[expect(clippy::disallowed_methods, reason = "this is the owner that the rule asks for")]
    pub fn spawn(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Some(tokio::spawn(future)))
    }

    /// Waits for the end. `None` when the task panicked or was aborted.
    pub async fn join(mut self) -> Option<T> {
        self.0.take()?.await.ok()
    }

    /// True once the task has ended.
    pub fn is_finished(&self) -> bool {
        self.0.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl<T> Drop for OwnedTask<T> {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            handle.abort();
        }
    }
}
