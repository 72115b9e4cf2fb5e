//! Refused by E0453: what is forbidden cannot be allowed.

#![allow(unsafe_code)] //~
