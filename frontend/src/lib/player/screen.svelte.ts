interface ApplePicture extends HTMLVideoElement {
  webkitEnterFullscreen?: () => void;
}

/** Full screen for the player with its controls; on iPhones, which allow only the bare video, for that. */
export class Screen {
  #root: HTMLElement | undefined;
  #video: ApplePicture | undefined;
  #full = $state(false);

  get full(): boolean {
    return this.#full;
  }
  stage = (root: HTMLElement) => {
    this.#root = root;
    return () => (this.#root = undefined);
  };
  picture = (video: HTMLVideoElement) => {
    this.#video = video;
    return () => (this.#video = undefined);
  };
  /** The document's fullscreenchange. */
  heard = () => {
    this.#full = this.#root !== undefined && document.fullscreenElement === this.#root;
  };
  toggle() {
    if (document.fullscreenElement) void document.exitFullscreen();
    else if (this.#root?.requestFullscreen) this.#root.requestFullscreen().catch(() => {}); // refused without a gesture: nothing changes
    else this.#video?.webkitEnterFullscreen?.();
  }
}
