/** What tests of programs on Homeostat need: a virtual clock, a backend that fails on demand, waiting for conditions. */
export * from '@homeostat/core/testing';
