export { drainSignal, type PrestopOptions, prestop } from './prestop.ts';
