import type { Api } from "../api/client";
import { asApiError, type ApiError } from "../api/error";
import type { Told, Visit } from "../api/types";
import { StepError } from "./line";

export type StepId = Told["step"];
export type StepState = "waiting" | "busy" | "ok" | "fail";

/** How the phone takes a step: a promise of milliseconds, or of a StepError. */
export type Walk = Record<"socket" | "plays", () => Promise<number>>;

/** The steps as the phone takes them, each told to the host at once. */
export class Steps {
  #api: Api;
  #code: string;
  #states = $state<Record<StepId, StepState>>({ page: "busy", socket: "waiting", plays: "waiting" });
  #error = $state.raw<ApiError>();
  #visit = $state.raw<Visit>();

  constructor(api: Api, code: string) {
    this.#api = api;
    this.#code = code;
  }
  get states(): Readonly<Record<StepId, StepState>> {
    return this.#states;
  }
  /** The host does not take what we tell: the code is over, or the host is gone. */
  get error(): ApiError | undefined {
    return this.#error;
  }
  /** What the host says about it all. */
  get visit(): Visit | undefined {
    return this.#visit;
  }
  get over(): boolean {
    return this.#error !== undefined || this.#states.plays === "ok" || Object.values(this.#states).includes("fail");
  }

  async run(walk: Walk) {
    this.#states = { page: "busy", socket: "waiting", plays: "waiting" };
    this.#error = undefined;
    try {
      await this.#tell({ step: "page", ok: true });
      for (const step of ["socket", "plays"] as const) {
        this.#states[step] = "busy";
        if (!(await this.#take(step, walk[step]))) return;
      }
    } catch (e) {
      this.#error = asApiError(e);
    }
  }
  async #take(step: "socket" | "plays", go: () => Promise<number>): Promise<boolean> {
    let told: Told;
    try {
      told = { step, ok: true, ms: await go() };
    } catch (e) {
      if (!(e instanceof StepError)) throw e;
      told = { step, ok: false, why: e.why };
    }
    await this.#tell(told);
    return told.ok;
  }
  async #tell(told: Told) {
    this.#visit = await this.#api.tellCheck(this.#code, told);
    this.#states[told.step] = told.ok ? "ok" : "fail";
  }
}
