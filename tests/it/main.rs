//! What the whole promises, tested from outside: each module is one concern.

mod adding_failures;
mod brand_witnesses;
mod carriers;
mod contract;
mod dahua_driver;
mod diagnostics;
mod driver_contract;
mod edges;
mod encoders;
mod failures;
mod gstreamer;
mod isapi_driver;
mod life;
mod media_wire;
mod onvif_driver;
mod onvif_witnesses;
mod protection;
mod recording;
mod secrets;
mod sim_witness;
mod sound;
mod support;
mod survival;
mod torn_input;
mod transcripts;
mod witness;
