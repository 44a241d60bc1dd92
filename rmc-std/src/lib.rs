//! Reliable multicast over blocking std UDP sockets.
