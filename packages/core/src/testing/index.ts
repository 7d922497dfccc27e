/** The door for tests: of this house, and of everybody who writes a backend or wants to see faults. */
export {
  backendContract,
  type BackendContract,
  type BackendFeatures,
  type ContractMake,
  type ContractWorld,
} from './backend-contract.ts';
export { nodeContract, type NodeContract, type NodeWorld } from './node-contract.ts';
export type { ContractTest, Trial } from './contract/trial.ts';
export { faulty, type FaultyBackend } from './faulty.ts';
export type { Faultable } from './faults.ts';
export { mockActor, type MockActor, type MockCall, type MockImplementations } from './mock-actor.ts';
export { simulateFailures, type SimulatedFailures } from './simulate-failures.ts';
export { createTestNode, type TestNode, type TestNodeOptions } from './test-node.ts';
export { virtualClock, type VirtualClock } from './virtual-clock.ts';
export { waitFor, type WaitForOptions } from './wait-for.ts';
