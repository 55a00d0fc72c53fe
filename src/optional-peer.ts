/**
 * Packages that are installed only by those who need them: a connector loads its own when it is used.
 */
import { missingPackage, reason } from './errors.js';

/** Loads an optional package by `load`, or says which one to install. */
export async function optionalPeer<T>(who: string, name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw missingPackage(who, name, reason(error), error);
  }
}
