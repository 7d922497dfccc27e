/** What tests of programs on Homeostat need: nodes, mocks, simulated failures, a virtual clock, a backend that fails on demand, waiting for conditions. */
export * from '@homeostat/core/testing';
