//! Flow control in the simulation: what a sender at full speed gets through to receivers of all kinds.

mod group;
mod letting_go;
mod rules;
mod speed;
