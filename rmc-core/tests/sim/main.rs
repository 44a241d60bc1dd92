//! The simulator itself: what links, partitions, crashes, taps and applications do, when time stands where, and what a
//! trace says of it.

mod applications;
mod capture;
mod damage;
mod independence;
mod interfering;
mod links;
mod losses;
mod meter;
mod nodes;
mod partitions;
mod presets;
mod rates;
mod running;
mod segments;
mod stuck;
mod tracing;
mod world;
