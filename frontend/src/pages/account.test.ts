import { screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { tick } from "svelte";
import { expect, it } from "vitest";
import { FakeApi } from "../lib/test/fake-api";
import { open, parts } from "../lib/test/open";
import Settings from "./Settings.svelte";
import Setup from "./Setup.svelte";
import SignIn from "./SignIn.svelte";
import SignUp from "./SignUp.svelte";

const settle = async () => {
  for (let i = 0; i < 3; i++) await new Promise((done) => setTimeout(done));
  await tick();
};
const type = (label: string, words: string) => userEvent.type(screen.getByLabelText(label), words);
const press = async (name: string) => {
  await userEvent.click(screen.getByRole("button", { name }));
  await settle();
};
const owned = (owned: boolean) => Object.assign(new FakeApi(), owned ? {} : { house_: { ...new FakeApi().house_, setUp: false } });

it("Sign in goes where one came from", async () => {
  const app = await parts();
  open(SignIn, app, { next: "/studio" });
  await type("Name", "ann");
  await type("Password", "correct horse");
  await press("Sign in");
  expect([app.session.user?.name, app.router.path]).toEqual(["ann", "/studio"]);
});

it("Sign in says what was wrong and keeps what was typed", async () => {
  const app = await parts();
  open(SignIn, app);
  await type("Name", "ann");
  await type("Password", "wrong");
  await press("Sign in");
  expect(screen.getByRole("alert").textContent).toContain("Name or password is wrong.");
  expect(screen.getByLabelText<HTMLInputElement>("Name").value).toBe("ann");
  expect(app.session.user).toBeNull();
});

it("A password can be shown, and is hidden again", async () => {
  open(SignIn, await parts());
  const field = screen.getByLabelText<HTMLInputElement>("Password");
  expect(field.type).toBe("password");
  await press("Show password");
  expect(field.type).toBe("text");
  await press("Hide password");
  expect(field.type).toBe("password");
});

it("Sign up finds mistakes only after one pressed", async () => {
  const app = await parts();
  open(SignUp, app);
  await type("Name", "a");
  expect(screen.queryByRole("alert")).toBeNull();
  await press("Make my account");
  expect(screen.getAllByRole("alert")).toHaveLength(2);
  await type("Name", "nn");
  await type("Password", "long enough");
  await press("Make my account");
  expect(app.session.user?.name).toBe("ann");
});

it("Sign up asks for an invite code where the owner wants one", async () => {
  const api = new FakeApi();
  api.house_.signUp = "invite";
  const app = await parts(api);
  open(SignUp, app);
  await type("Name", "ann");
  await type("Password", "long enough");
  await type("Invite code", "wrong");
  await press("Make my account");
  expect(screen.getByRole("alert").textContent).toContain("invite code");
  await userEvent.clear(screen.getByLabelText("Invite code"));
  await type("Invite code", "invited");
  await press("Make my account");
  expect(app.session.user?.name).toBe("ann");
});

it("Sign up says so where nobody may", async () => {
  const api = new FakeApi();
  api.house_.signUp = "closed";
  open(SignUp, await parts(api));
  expect(screen.getByRole("heading", { name: "This host takes no new accounts" })).toBeTruthy();
  expect(screen.queryByLabelText("Password")).toBeNull();
});

it("Setup uses the code from the address without asking for it", async () => {
  const app = await parts(owned(false), "right-code");
  open(Setup, app);
  expect(screen.queryByLabelText("One-time code")).toBeNull();
  await type("Your name", "kim");
  await type("Password", "long enough");
  await press("Become the owner");
  expect([app.session.user?.role, app.house.setUp, app.router.path]).toEqual(["owner", true, "/studio"]);
});

it("Setup asks for a code when the one that came is no longer good", async () => {
  const app = await parts(owned(false), "old-code");
  open(Setup, app);
  await type("Your name", "kim");
  await type("Password", "long enough");
  await press("Become the owner");
  expect(screen.getByRole("alert").textContent).toContain("That code is wrong.");
  const code = screen.getByLabelText<HTMLInputElement>("One-time code");
  await userEvent.clear(code);
  await userEvent.type(code, "right-code");
  await press("Become the owner");
  expect(app.session.user?.role).toBe("owner");
});

it("Setup has nothing to give once there is an owner", async () => {
  open(Setup, await parts(owned(true), "right-code"));
  expect(screen.getByRole("heading", { name: "kims-pc has its owner already" })).toBeTruthy();
});

it("Settings change theme and password", async () => {
  const api = new FakeApi();
  api.user = { name: "ann", role: "streamer", created: "" };
  open(Settings, await parts(api));
  await userEvent.click(screen.getByRole("radio", { name: "Light" }));
  expect(document.documentElement.dataset.theme).toBe("light");
  await type("Current password", "correct horse");
  await type("New password", "staple battery");
  await press("Change password");
  expect(api.password).toBe("staple battery");
  expect(screen.getByText("Password changed")).toBeTruthy();
});

it("Settings show who may sign up to those who decide it, and to nobody else", async () => {
  const api = new FakeApi();
  api.user = { name: "ann", role: "streamer", created: "" };
  const page = open(Settings, await parts(api));
  expect(screen.queryByRole("radio", { name: "With a code" })).toBeNull();
  page.unmount();
  api.user = { name: "kim", role: "owner", created: "" };
  open(Settings, await parts(api));
  await userEvent.click(screen.getByRole("radio", { name: "With a code" }));
  await settle();
  expect(api.house_.signUp).toBe("invite");
  await press("New invite code");
  expect(screen.getByText("k7xq-42vn")).toBeTruthy();
});

it("Settings let an admin name the computer", async () => {
  const api = new FakeApi();
  api.user = { name: "kim", role: "owner", created: "" };
  open(Settings, await parts(api));
  await userEvent.clear(screen.getByLabelText("Name"));
  await type("Name", "Kim's laptop");
  await press("Save name");
  expect(api.house_.name).toBe("Kim's laptop");
  expect(screen.getByText("This computer is now called Kim's laptop")).toBeTruthy();
});

it("Settings keep channels of other computers here for who wants that", async () => {
  const app = await parts(new FakeApi());
  open(Settings, app);
  await userEvent.click(screen.getByRole("switch", { name: /on their own pages/ }));
  expect(app.prefs.direct).toBe(false);
});
