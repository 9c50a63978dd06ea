//! The Tauri shell: a window, one command, two media carriers, and the life cycle. Everything else lives in the crates.

mod carriers;
#[cfg(target_os = "linux")]
mod microphone;
#[cfg(mobile)]
mod phone;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use bartizan_api::{Backend, Commands, Reply, ShellInfo, dispatch, dto::Shell};
use bartizan_app::App;
use bartizan_base::{Error, OwnedTask, SystemClock};
use tauri::{Manager, RunEvent};
use tokio::sync::watch;

/// The backend, once it is there: the window opens while the database and the sources do.
type Ready = watch::Receiver<Option<Result<Arc<Backend>, Error>>>;

struct Shared {
    ready: Ready,
    /// The loopback WebSocket listener lives as long as the app.
    _carrier: Option<OwnedTask>,
    /// The opening of the backend, kept with the app.
    start: Mutex<Option<tauri::async_runtime::JoinHandle<()>>>,
}

async fn backend(mut ready: Ready) -> Result<Arc<Backend>, Error> {
    match ready.wait_for(Option::is_some).await {
        Ok(value) => match &*value {
            Some(result) => result.clone(),
            None => Err(Error::new(bartizan_base::Code::Internal, "no backend")),
        },
        Err(_) => Err(Error::new(bartizan_base::Code::Internal, "the start was cut short")),
    }
}

/// The one command: any name of the command list, JSON in, `{"ok": …}` or `{"err": …}` out.
#[tauri::command]
async fn rpc(
    shared: tauri::State<'_, Shared>,
    name: String,
    request: serde_json::Value,
) -> Result<Reply, String> {
    Ok(match backend(shared.ready.clone()).await {
        Ok(backend) => dispatch(backend.as_ref(), &name, request).await,
        Err(error) => Reply::from(Err::<bartizan_api::dto::Empty, _>(error)),
    })
}

/// Starts the app and returns at its end.
#[cfg_attr(mobile, tauri::mobile_entry_point)]
pub fn run() {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("BARTIZAN_LOG")
                .unwrap_or_else(|_| "warn,retina=error".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    let (tell, ready) = watch::channel(None);
    let carrier = tauri::async_runtime::block_on(carriers::listen(ready.clone()));
    let shell = ShellInfo {
        shell: Shell::Tauri,
        ws_url: carrier.as_ref().map(|carrier| carrier.url.clone()),
        poll_url: carriers::POLL_URL.to_owned(),
        // Known only once the app is set up.
        pictures: None,
        search_loopback: std::env::var_os(bartizan_api::SEARCH_LOOPBACK).is_some(),
    };
    let builder = tauri::Builder::default();
    // Only the shell speaks to it: no capability lets the page.
    #[cfg(mobile)]
    let builder = builder.plugin(tauri_plugin_biometry::init());
    let app = builder
        // Before any window: its page may call while `setup` still runs.
        .manage(Shared { ready, _carrier: carrier.map(|carrier| carrier.task), start: Mutex::default() })
        .invoke_handler(tauri::generate_handler![rpc])
        .register_asynchronous_uri_scheme_protocol(carriers::SCHEME, |context, request, responder| {
            let ready = context.app_handle().state::<Shared>().ready.clone();
            tauri::async_runtime::spawn(async move {
                responder.respond(carriers::answer_poll(ready, &request).await);
            });
        })
        .setup(move |app| {
            let folder = match std::env::var_os("BARTIZAN_DATA") {
                Some(folder) => PathBuf::from(folder),
                None => app.path().app_data_dir()?,
            };
            let pictures = app.path().picture_dir().or_else(|_| app.path().document_dir()).ok();
            #[cfg(target_os = "linux")]
            for window in app.webview_windows().values() {
                microphone::allow(window)?;
            }
            let shell = ShellInfo { pictures: pictures.map(|folder| folder.join("Bartizan")), ..shell };
            #[cfg(mobile)]
            let handle = app.handle().clone();
            let start = tauri::async_runtime::spawn(async move {
                let opened = open(folder, shell).await;
                #[cfg(mobile)]
                if let Ok((app, _)) = &opened {
                    phone::protect(&handle, &app.protection);
                }
                tell.send_replace(Some(opened.map(|(_, backend)| backend)));
                // The sender stays until the app goes, so that late readers see the value.
                tell.closed().await;
            });
            if let Ok(mut slot) = app.state::<Shared>().start.lock() {
                *slot = Some(start);
            }
            Ok(())
        })
        .build(tauri::generate_context!());
    match app {
        Ok(app) => app.run(|handle, event| {
            if let RunEvent::Exit = event {
                let value = handle.state::<Shared>().ready.borrow().clone();
                if let Some(Ok(backend)) = value {
                    // Devices keep a forgotten session for a minute; recorders run out of them.
                    tauri::async_runtime::block_on(backend.shutdown());
                }
            }
        }),
        Err(error) => {
            eprintln!("Bartizan cannot start: {error}");
            std::process::exit(1);
        }
    }
}

async fn open(folder: PathBuf, shell: ShellInfo) -> Result<(Arc<App>, Arc<Backend>), Error> {
    let clock = Arc::new(SystemClock);
    let sources = sources();
    let app = if sources.is_empty() {
        App::open(&folder, clock).await?
    } else {
        App::ephemeral(&sources, clock).await?
    };
    let app = Arc::new(app);
    Ok((app.clone(), Arc::new(Backend::new(app, shell))))
}

/// `--source URL` (repeatable) or BARTIZAN_SOURCES, one URL a line: watch these and store nothing.
fn sources() -> Vec<String> {
    let mut sources = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--source" {
            sources.extend(arguments.next());
        } else if let Some(url) = argument.strip_prefix("--source=") {
            sources.push(url.to_owned());
        }
    }
    let from_env = std::env::var("BARTIZAN_SOURCES").unwrap_or_default();
    sources.extend(from_env.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
    sources
}

/// Every shell offers every command, or this does not compile.
const _: fn() = || {
    fn offers_all_commands<T: Commands>() {}
    offers_all_commands::<Backend>();
};
