import { mount } from "svelte";
import "../styles/base.css";
import Gallery from "./Gallery.svelte";

// `npm run dev`, then /gallery.html: every piece of lib/ui in every state, without a host. Not part of the build.
mount(Gallery, { target: document.getElementById("app")! });
