// @ts-check
// The points of the map in WebGL 2. Positions, colour codes and marks are attributes that stay on the GPU:
// moving the camera or morphing between two layouts sends nothing but a few uniforms.

/** @import { Renderer } from "./types.d.ts" */

const POINTS = `#version 300 es
in vec2 from; in vec2 to; in float code; in float kind; in float mark;
uniform vec2 centre, toClip; uniform float mix_, size, weak; uniform bool chosen, emphasis;
uniform sampler2D palette;
out vec4 colour; flat out float kind_; flat out float ringed; flat out float side;
void main() {
  vec2 at = mix(from, to, mix_);
  gl_Position = vec4((at - centre) * toClip, 0.0, 1.0);
  if (!(at.x == at.x && at.y == at.y)) gl_Position = vec4(2.0, 2.0, 2.0, 1.0);  // not a number: nowhere
  int marks = int(mark + 0.5);
  bool lit = chosen || (!emphasis && (marks & 2) == 0);
  colour = texelFetch(palette, ivec2(int(code + 0.5), 0), 0);
  colour.a *= lit ? 1.0 : weak;
  kind_ = kind; ringed = chosen ? 1.0 : 0.0;
  side = (chosen ? size * 1.35 + 1.5 : lit ? size : size * 0.8) * (kind > 0.5 ? 1.15 : 1.0);
  gl_PointSize = side;
}`;

const DOTS = `#version 300 es
precision mediump float;
in vec4 colour; flat in float kind_; flat in float ringed; flat in float side;
uniform vec4 rim; uniform float edge; out vec4 ink;
void main() {
  vec2 at = abs(gl_PointCoord * 2.0 - 1.0);
  float far = kind_ > 0.5 ? at.x + at.y : length(at);  // texts are diamonds, pictures are discs
  float soft = 2.0 / side;
  float cover = side < 2.5 ? 1.0 : 1.0 - smoothstep(1.0 - soft, 1.0, far);
  if (cover <= 0.0) discard;
  vec4 shown = ringed > 0.5 && side > 4.0 ? mix(colour, rim, smoothstep(0.62 - soft, 0.62, far)) : colour;
  // The palest stand out from the ground.
  if (ringed < 0.5 && side > 4.0) shown.rgb = mix(shown.rgb, rim.rgb, edge * smoothstep(0.6, 1.0, far));
  ink = vec4(shown.rgb, 1.0) * (shown.a * cover);
}`;

const LINES = `#version 300 es
in vec2 from; in vec2 to; uniform vec2 centre, toClip; uniform float mix_;
void main() { gl_Position = vec4((mix(from, to, mix_) - centre) * toClip, 0.0, 1.0); }`;

const STROKE = `#version 300 es
precision mediump float; uniform vec4 rim; out vec4 ink;
void main() { ink = vec4(rim.rgb, 1.0) * rim.a; }`;

const ATTRIBUTES = { from: 0, to: 1, code: 2, kind: 3, mark: 4 };

/**
 * @typedef {Object} Frame what one drawing needs
 * @property {import("./space.mjs").View} view
 * @property {number} ratio device pixels a CSS pixel
 * @property {number} mix between the layout before and this one
 * @property {number} size of a point, CSS pixels
 * @property {number} most points to draw; fewer than there are while the map moves
 * @property {boolean} emphasis whether something is selected
 * @property {number} weak opacity of what is not selected, or left out by the filter
 * @property {number} edge how strongly points are rimmed, 0 to 1
 * @property {number[]} rim colour of a selected point's rim, 0 to 1
 * @property {number[]} line colour of the links
 */

/** @implements {Renderer} */
export class GlPoints {
  /** @param {HTMLCanvasElement} canvas @returns {GlPoints | null} null where WebGL 2 is missing */
  static on(canvas) {
    const gl = canvas.getContext("webgl2", {
      antialias: false,
      alpha: true,
      preserveDrawingBuffer: true,
      premultipliedAlpha: true,
      powerPreference: "high-performance",
    });
    return gl && new GlPoints(canvas, gl);
  }

  /** @param {HTMLCanvasElement} canvas @param {WebGL2RenderingContext} gl */
  constructor(canvas, gl) {
    this.canvas = canvas;
    this.gl = gl;
    this.name = "WebGL 2";
    this.points = this.#program(POINTS, DOTS);
    this.lines = this.#program(LINES, STROKE);
    this.array = gl.createVertexArray();
    gl.bindVertexArray(this.array);
    /** @type {Record<string, WebGLBuffer>} */
    this.buffers = Object.fromEntries(
      ["from", "to", "code", "kind", "mark", "order", "chosen", "links"].map((name) => [
        name,
        gl.createBuffer(),
      ]),
    );
    this.palette = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.palette);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    const [, largest] = gl.getParameter(gl.ALIASED_POINT_SIZE_RANGE);
    this.largest = largest;
    const info = gl.getExtension("WEBGL_debug_renderer_info");
    // Without a graphics processor WebGL is imitated, and beyond some points plain pixels are quicker.
    this.imitated = /swiftshader|llvmpipe|software|basic render/i.test(
      String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER)),
    );
    this.count = this.chosen = this.linked = 0;
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  /**
   * Both layouts, item after item: x, y.
   * @param {Float32Array} from
   * @param {Float32Array} to
   * @param {Uint32Array} order
   */
  setLayouts(from, to, order) {
    this.count = to.length / 2;
    this.#attribute("from", from, 2, this.gl.FLOAT);
    this.#attribute("to", to, 2, this.gl.FLOAT);
    this.#elements("order", order);
  }

  /** @param {Uint8Array} codes */
  setCodes(codes) {
    this.#attribute("code", codes, 1, this.gl.UNSIGNED_BYTE);
  }

  /** @param {Uint8Array} kinds */
  setKinds(kinds) {
    this.#attribute("kind", kinds, 1, this.gl.UNSIGNED_BYTE);
  }

  /** Bit 1: left out by the label filter. @param {Uint8Array} marks */
  setMarks(marks) {
    this.#attribute("mark", marks, 1, this.gl.UNSIGNED_BYTE);
  }

  /** @param {Uint32Array} ids */
  setChosen(ids) {
    this.chosen = ids.length;
    this.#elements("chosen", ids);
  }

  /** @param {Uint32Array} ends two points a line */
  setLinks(ends) {
    this.linked = ends.length;
    this.#elements("links", ends);
  }

  /** @param {Uint8Array} rgba 256 colours */
  setPalette(rgba) {
    const { gl } = this;
    gl.bindTexture(gl.TEXTURE_2D, this.palette);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, rgba);
  }

  /** @param {Frame} frame */
  draw(frame) {
    const { gl } = this;
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (!this.count) return;
    gl.bindVertexArray(this.array);
    if (this.linked) this.#links(frame);
    const at = this.#use(this.points, frame);
    gl.uniform1f(at.size, Math.min(this.largest, frame.size * frame.ratio));
    gl.uniform4fv(at.rim, frame.rim);
    gl.uniform1f(at.weak, frame.weak);
    gl.uniform1f(at.edge, frame.edge);
    gl.uniform1i(at.emphasis, Number(frame.emphasis));
    gl.uniform1i(at.chosen, 0);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.buffers.order);
    gl.drawElements(gl.POINTS, Math.min(frame.most, this.count), gl.UNSIGNED_INT, 0);
    if (!this.chosen) return;
    gl.uniform1i(at.chosen, 1);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.buffers.chosen);
    gl.drawElements(gl.POINTS, Math.min(frame.most, this.chosen), gl.UNSIGNED_INT, 0);
  }

  /** @param {Frame} frame */
  #links(frame) {
    const { gl } = this;
    const at = this.#use(this.lines, frame);
    gl.uniform4fv(at.rim, frame.line);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.buffers.links);
    gl.drawElements(gl.LINES, this.linked, gl.UNSIGNED_INT, 0);
  }

  /**
   * @param {{program: WebGLProgram, at: Record<string, WebGLUniformLocation | null>}} which
   * @param {Frame} frame
   */
  #use({ program, at }, { view, mix }) {
    const { gl } = this;
    gl.useProgram(program);
    gl.uniform2f(at.centre, view.camera.x, view.camera.y);
    gl.uniform2f(at.toClip, (2 * view.scale) / view.size.width, (2 * view.scale) / view.size.height);
    gl.uniform1f(at.mix_, mix);
    return at;
  }

  /** @param {string} name @param {ArrayBufferView} values @param {number} width @param {number} type */
  #attribute(name, values, width, type) {
    const { gl } = this;
    const place = ATTRIBUTES[/** @type {keyof typeof ATTRIBUTES} */ (name)];
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, width, type, false, 0, 0);
  }

  /** @param {string} name @param {Uint32Array} ids */
  #elements(name, ids) {
    const { gl } = this;
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.buffers[name]);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, ids, gl.DYNAMIC_DRAW);
  }

  /** @param {string} vertex @param {string} fragment */
  #program(vertex, fragment) {
    const { gl } = this;
    const program = gl.createProgram();
    /** @type {[number, string][]} */
    const shaders = [
      [gl.VERTEX_SHADER, vertex],
      [gl.FRAGMENT_SHADER, fragment],
    ];
    for (const [type, source] of shaders) {
      const shader = /** @type {WebGLShader} */ (gl.createShader(type)); // null once the context is lost
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    for (const [name, place] of Object.entries(ATTRIBUTES)) gl.bindAttribLocation(program, place, name);
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS))
      throw new Error(`The map's shader does not compile here: ${gl.getProgramInfoLog(program)}`);
    const names = [
      "centre",
      "toClip",
      "mix_",
      "size",
      "chosen",
      "emphasis",
      "palette",
      "rim",
      "weak",
      "edge",
    ];
    return {
      program,
      at: Object.fromEntries(names.map((name) => [name, gl.getUniformLocation(program, name)])),
    };
  }

  /** Give the GPU's memory back at once; a page may hold only a few contexts. */
  release() {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}
